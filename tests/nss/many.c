/* A name service that knows a million people and more at once: "p1000007" has the uid 1000007. */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum nss_status fill(unsigned uid, struct passwd *pw, char *buffer, size_t length, int *errnop)
{
    int need = snprintf(buffer, length, "p%u", uid);

    if (need < 0 || (size_t)need >= length) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    pw->pw_name = buffer;
    pw->pw_passwd = (char *)"x";
    pw->pw_uid = uid;
    pw->pw_gid = uid;
    pw->pw_gecos = (char *)"";
    pw->pw_dir = (char *)"/";
    pw->pw_shell = (char *)"/bin/sh";
    return NSS_STATUS_SUCCESS;
}

static int is_known(unsigned long uid)
{
    return uid >= 1000000 && uid < 100000000;
}

enum nss_status _nss_many_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t length,
                                     int *errnop)
{
    char *end;
    unsigned long uid = name[0] == 'p' ? strtoul(name + 1, &end, 10) : 0;

    *errnop = ENOENT;
    if (!is_known(uid) || *end != '\0')
        return NSS_STATUS_NOTFOUND;
    return fill((unsigned)uid, pw, buffer, length, errnop);
}

enum nss_status _nss_many_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t length, int *errnop)
{
    *errnop = ENOENT;
    return is_known(uid) ? fill(uid, pw, buffer, length, errnop) : NSS_STATUS_NOTFOUND;
}

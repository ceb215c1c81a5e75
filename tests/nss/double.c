/* A name service for tests: several spellings of one account, and a directory that does not answer.
 *
 * /etc/nss_double, read anew at each question:
 *   unavailable ERRNO            every question is answered with UNAVAIL, as by a directory that is down
 *   try_again ERRNO              ... with TRYAGAIN
 *   slow MILLISECONDS            what follows is answered after so long
 *   many PREFIX UID COUNT        accounts PREFIX0, PREFIX1 and so on, with uids from UID on
 *   SPELLING ACCOUNT UID GID     the account that this spelling leads to
 *   group NAME GID USER          a group and its member, which is known by the member's own groups alone
 *   groups_unavailable ERRNO     every question about groups is answered with UNAVAIL
 *   members_unavailable ERRNO    ... but those by a group's name, which a cache still answers
 * Only passwd and group are served. An account is also found by the uid of its first line.
 */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum nss_status fill(struct passwd *pw, char *buffer, size_t length, int *errnop,
                            const char *account, unsigned uid, unsigned gid)
{
    int need = snprintf(buffer, length, "%s", account);
    if (need < 0 || (size_t)need + 128 + strlen(account) > length) {
        *errnop = ERANGE;
        return NSS_STATUS_TRYAGAIN;
    }
    char *home = buffer + need + 1;
    sprintf(home, "/home/%s", account);
    pw->pw_name = buffer;
    pw->pw_passwd = (char *)"x";
    pw->pw_uid = uid;
    pw->pw_gid = gid;
    pw->pw_gecos = (char *)"";
    pw->pw_dir = home;
    pw->pw_shell = (char *)"/bin/sh";
    return NSS_STATUS_SUCCESS;
}

/* One of many accounts; 0 if this is none of them. */
static int is_among(const char *name, uid_t *uid, const char *prefix, unsigned first, unsigned count,
                    char account[128])
{
    unsigned number = *uid - first;

    if (name != NULL && (strncmp(name, prefix, strlen(prefix)) != 0
                         || sscanf(name + strlen(prefix), "%u", &number) != 1))
        return 0;
    if (number >= count || snprintf(account, 128, "%s%u", prefix, number) >= 128)
        return 0;
    *uid = first + number;
    return name == NULL || strcmp(name, account) == 0;
}

static enum nss_status look_up(const char *name, const uid_t *wanted, struct passwd *pw, char *buffer,
                               size_t length, int *errnop)
{
    FILE *file = fopen("/etc/nss_double", "re");
    char line[512], spelling[128], account[128];
    unsigned uid, gid;
    int error;
    enum nss_status status = NSS_STATUS_NOTFOUND;

    *errnop = ENOENT;
    if (file == NULL)
        return NSS_STATUS_UNAVAIL;
    while (status == NSS_STATUS_NOTFOUND && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "unavailable %d", &error) == 1) {
            *errnop = error;
            status = NSS_STATUS_UNAVAIL;
        } else if (sscanf(line, "try_again %d", &error) == 1) {
            *errnop = error;
            status = NSS_STATUS_TRYAGAIN;
        } else if (sscanf(line, "slow %d", &error) == 1) {
            usleep((useconds_t)error * 1000);
        } else if (sscanf(line, "many %127s %u %u", spelling, &uid, &gid) == 3) {
            uid_t found = wanted != NULL ? *wanted : 0;

            if (is_among(name, &found, spelling, uid, gid, account))
                status = fill(pw, buffer, length, errnop, account, found, found);
        } else if (sscanf(line, "%127s %127s %u %u", spelling, account, &uid, &gid) == 4
                   && (name != NULL ? strcmp(name, spelling) == 0 : uid == *wanted)) {
            status = fill(pw, buffer, length, errnop, account, uid, gid);
        }
    }
    fclose(file);
    return status;
}

enum nss_status _nss_double_getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t length,
                                       int *errnop)
{
    return look_up(name, NULL, pw, buffer, length, errnop);
}

enum nss_status _nss_double_getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t length,
                                       int *errnop)
{
    return look_up(NULL, &uid, pw, buffer, length, errnop);
}

static int are_members_unavailable(const char *line, int *errnop)
{
    return sscanf(line, "groups_unavailable %d", errnop) == 1
           || sscanf(line, "members_unavailable %d", errnop) == 1;
}

/* The answer of a question about groups: UNAVAIL after all if the file could not be read to its end. */
static enum nss_status closed(FILE *file, enum nss_status status, int *errnop)
{
    if (ferror(file)) {
        *errnop = EIO;
        status = NSS_STATUS_UNAVAIL;
    }
    fclose(file);
    return status;
}

enum nss_status _nss_double_getgrnam_r(const char *name, struct group *gr, char *buffer, size_t length,
                                       int *errnop)
{
    FILE *file = fopen("/etc/nss_double", "re");
    char line[512], group[128], member[128];
    unsigned gid;
    int error;
    enum nss_status status = NSS_STATUS_NOTFOUND;

    *errnop = errno;
    if (file == NULL)
        return NSS_STATUS_UNAVAIL;
    *errnop = ENOENT;
    while (status == NSS_STATUS_NOTFOUND && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "groups_unavailable %d", &error) == 1) {
            *errnop = error;
            status = NSS_STATUS_UNAVAIL;
        } else if (sscanf(line, "group %127s %u %127s", group, &gid, member) == 3
                   && strcmp(group, name) == 0) {
            if (length < sizeof group + sizeof gr->gr_mem) {
                *errnop = ERANGE;
                status = NSS_STATUS_TRYAGAIN;
                break;
            }
            /* As sssd with ignore_group_members: the group's own entry names nobody. */
            memset(buffer, 0, sizeof gr->gr_mem);
            gr->gr_mem = (char **)buffer;
            gr->gr_name = strcpy(buffer + sizeof gr->gr_mem, group);
            gr->gr_passwd = (char *)"x";
            gr->gr_gid = gid;
            status = NSS_STATUS_SUCCESS;
        }
    }
    return closed(file, status, errnop);
}

/* No group has a number here. */
enum nss_status _nss_double_getgrgid_r(gid_t gid, struct group *gr, char *buffer, size_t length, int *errnop)
{
    FILE *file = fopen("/etc/nss_double", "re");
    char line[512];
    enum nss_status status = NSS_STATUS_NOTFOUND;

    (void)gid, (void)gr, (void)buffer, (void)length;
    *errnop = errno;
    if (file == NULL)
        return NSS_STATUS_UNAVAIL;
    *errnop = ENOENT;
    while (status == NSS_STATUS_NOTFOUND && fgets(line, sizeof line, file) != NULL) {
        if (are_members_unavailable(line, errnop))
            status = NSS_STATUS_UNAVAIL;
    }
    return closed(file, status, errnop);
}

enum nss_status _nss_double_initgroups_dyn(const char *user, gid_t primary, long *start, long *size,
                                           gid_t **groups, long limit, int *errnop)
{
    FILE *file = fopen("/etc/nss_double", "re");
    char line[512], group[128], member[128];
    unsigned gid;
    enum nss_status status = NSS_STATUS_NOTFOUND;

    (void)primary, (void)limit;
    *errnop = errno;
    if (file == NULL)
        return NSS_STATUS_UNAVAIL;
    *errnop = ENOENT;
    while (fgets(line, sizeof line, file) != NULL) {
        if (are_members_unavailable(line, errnop)) {
            status = NSS_STATUS_UNAVAIL;
            break;
        }
        if (sscanf(line, "group %127s %u %127s", group, &gid, member) != 3 || strcmp(member, user) != 0)
            continue;
        if (*start == *size) {
            gid_t *larger = realloc(*groups, 2 * *size * sizeof **groups);
            if (larger == NULL)
                break;
            *groups = larger;
            *size *= 2;
        }
        (*groups)[(*start)++] = gid;
        status = NSS_STATUS_SUCCESS;
    }
    return closed(file, status, errnop);
}

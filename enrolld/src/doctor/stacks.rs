//! What is wrong with a service's stack: most of it is found by playing every login through it.

use crate::doctor::control::{Action, Answer};
use crate::doctor::finding::{self, Finding, Kind};
use crate::doctor::nature::{Nature, account_answer, nature};
use crate::doctor::stack::{Facility, Flaw, Line, Services, Stack, Step};
use crate::doctor::walk::{Walk, walk};
use crate::doctor::worlds::{Ours, World, Worlds};
use std::path::Path;

/// The line as the manual has it.
const PLAIN: &str = "auth required pam_totp.so";

/// A service and its stack of `auth` lines.
pub(crate) struct Examined<'a> {
    pub(crate) service: &'a str,
    pub(crate) stack: &'a Stack,
    worlds: Worlds<'a>,
    ours: usize,
}

impl<'a> Examined<'a> {
    /// `None` where our line does not stand in the stack.
    pub(crate) fn new(service: &'a str, stack: &'a Stack, is_there: impl Fn(&str) -> bool) -> Option<Self> {
        let ours = stack.lines.iter().position(Line::is_ours)?;
        Some(Self { service, stack, worlds: Worlds::of(stack, is_there), ours })
    }

    /// Whether somebody who is not enrolled may be asked nothing.
    pub(crate) fn has_nullok(&self) -> bool {
        self.line().is_some_and(|line| line.arguments().iter().any(|argument| argument == "nullok"))
    }

    /// Where `nullok` stands, unless the line names settings of its own.
    pub(crate) fn nullok_at(&self) -> Option<String> {
        self.line().filter(|_| self.has_nullok()).map(Line::place)
    }

    /// Words of lines that let some logins past ours: names may be among them.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = String> + use<> {
        let lines = self.stack.lines.iter().filter(|line| nature(line) == Nature::Names);
        let words = lines.flat_map(|line| line.arguments()).flat_map(|argument| argument.split([':', ',']));
        words.map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// Whether it asks for a password of its own.
    pub(crate) fn asks_password(&self) -> bool {
        self.worlds.passwords > 0
    }

    fn line(&self) -> Option<&'a Line> {
        self.stack.lines.get(self.ours)
    }

    /// Whether who needs no code gets in, with a right password where one is asked for.
    pub(crate) fn opens_without_code(&self) -> bool {
        self.opens(Ours::Ignores)
    }

    /// All that is wrong with it. `skips` says whether the settings exempt anybody.
    pub(crate) fn findings(&self, skips: bool) -> Vec<Finding> {
        let mut found = flaws(self.stack);
        // A line that libpam cannot read hides everything behind it.
        if found.is_empty() {
            found.extend(self.bypasses());
            found.extend(self.order());
            let skips = skips || self.has_nullok();
            found.extend(self.dead_ends(skips));
            found.extend(self.unasked().filter(|_| skips));
        }
        found.into_iter().map(|finding| finding.of(self.service)).collect()
    }

    fn walks(&self, ours: Ours) -> impl Iterator<Item = (World, Walk)> {
        self.worlds.all(ours).map(|world| (world, self.worlds.walk(world)))
    }

    /// Ways in past our line, or against its word.
    fn bypasses(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let open: Vec<_> = self.walks(Ours::Denies).filter(|(_, walk)| walk.is_open()).collect();
        let denied =
            |walk: &Walk| walk.asked.iter().any(|(index, _)| self.worlds.nature(*index) == Nature::Ours);
        if open.iter().any(|(_, walk)| denied(walk)) {
            let forgets = self.stack.lines.iter().skip(self.ours + 1).find(|line| forgets(line));
            let is_plain = self.line().is_some_and(|line| line.control.is_plain());
            found.extend(match forgets.filter(|_| is_plain) {
                Some(line) => Some(forgotten(line)),
                None => self.at_ours(&finding::DENIAL_IGNORED, "our line's denial does not count"),
            });
        } else if self.line().is_some_and(|line| !line.control.is_plain()) {
            found.extend(self.at_ours(&finding::CONTROL, "our line is neither required nor requisite"));
        }
        let past = open.iter().filter(|(_, walk)| !denied(walk));
        let mut causes: Vec<usize> = past.filter_map(|(_, walk)| walk.passed_by(self.ours)).collect();
        causes.sort_unstable();
        causes.dedup();
        found.extend(causes.into_iter().filter_map(|cause| self.passed(cause)));
        found
    }

    /// The line `cause` lets a login past ours.
    fn passed(&self, cause: usize) -> Option<Finding> {
        let (line, ours) = (self.stack.lines.get(cause)?, self.line()?);
        let (control, module, place) = (shown(&line.written), line.module(), ours.place());
        let what = format!("{control} {module}.so lets logins past our line at {place}");
        let jumps = line.written.contains('=');
        Some(
            match (self.worlds.nature(cause), jumps) {
                (Nature::Names, _) => finding::EXEMPTS.finding(
                    format!("{what}: {}", line.arguments().join(" ")),
                    "nothing, if that is meant; else put our line before it, or take it away",
                ),
                (_, true) => finding::JUMPED_OVER.finding(
                    what,
                    format!(
                        "move our line from {place} to where the jump ends, or make the jump end before it"
                    ),
                ),
                (_, false) => finding::SKIPPED.finding(
                    what,
                    format!(
                        "write requisite in place of {control}; or our line before it, after the password's"
                    ),
                ),
            }
            .at(line.place()),
        )
    }

    /// What is asked, and in which order.
    fn order(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let is_ours = |index: &usize| self.worlds.nature(*index) == Nature::Ours;
        let mut walks: Vec<_> = self.walks(Ours::Accepts).collect();
        walks.extend(self.walks(Ours::Denies));
        let visits = |walk: &Walk| walk.asked.iter().filter(|(index, _)| is_ours(index)).count();
        if walks.iter().any(|(_, walk)| visits(walk) > 1) {
            let places: Vec<_> =
                self.stack.lines.iter().filter(|line| line.is_ours()).map(Line::place).collect();
            found.extend(self.line().map(|line| {
                let fix = format!("take one of these lines away: {}", places.join(", "));
                finding::TWICE.finding("our line is reached twice", fix).at(line.place())
            }));
        }
        if !self.asks_password() {
            found.extend(self.code_alone());
            return found;
        }
        let asks = |index: usize| self.worlds.nature(index) == Nature::Password;
        let first = |walk: &Walk| {
            let mut asked = walk.asked.iter().map(|(index, _)| *index);
            asked.find(|index| is_ours(index) || asks(*index)).filter(is_ours).is_some()
        };
        let later = self.stack.lines.iter().enumerate().any(|(index, _)| index > self.ours && asks(index));
        let takes_both =
            self.line().is_some_and(|line| line.arguments().iter().any(|word| word == "forward_pass"));
        if later && !takes_both && walks.iter().any(|(_, walk)| first(walk)) {
            let fix = "put our line behind the one that asks for the password";
            found.extend(self.line().map(|line| {
                finding::CODE_FIRST.finding("the code is asked before the password", fix).at(line.place())
            }));
        }
        let wrong = walks.iter().filter(|(world, _)| world.knows.is_none() && self.worlds.is_alone(*world));
        let (open, reached) = wrong.fold((false, false), |(open, reached), (world, walk)| {
            let by_us = world.ours == Ours::Accepts && visits(walk) > 0;
            (open || by_us && walk.is_open(), reached || visits(walk) > 0)
        });
        if open {
            let fix =
                format!("the password's line must be required or requisite, and ours after it: {PLAIN}");
            found.extend(self.line().map(|line| {
                finding::CODE_ALONE.finding("a right code opens with a wrong password", fix).at(line.place())
            }));
        } else if reached && !walks.iter().any(|(_, walk)| first(walk)) {
            let fix = "nothing, if that is meant; else make the password's line requisite";
            found.extend(self.line().map(|line| {
                finding::WITHOUT_PASSWORD
                    .finding("the code is asked for after a wrong password too", fix)
                    .at(line.place())
            }));
        }
        found
    }

    /// No password is asked for at all. sshd may have checked a key before, and a VPN a certificate; these
    /// have nothing else.
    fn code_alone(&self) -> Option<Finding> {
        const NOTHING_BEFORE: [&str; 9] =
            ["su", "su-l", "sudo", "sudo-i", "doas", "login", "polkit-1", "gdm-password", "lightdm"];
        let line = self.line().filter(|_| NOTHING_BEFORE.contains(&self.service))?;
        let fix =
            "put the line that asks for the password back before ours (on Debian: @include common-auth)";
        Some(finding::CODE_ALONE.finding("no password is asked for", fix).at(line.place()))
    }

    /// Whoever needs no code is asked for nothing at all. At sshd a key may come first, and sshd is asked for
    /// that; where a password is asked for, a wrong one that opens has been found.
    fn unasked(&self) -> Option<Finding> {
        let is_elsewhere = self.asks_password() || self.service == "sshd";
        let line = self.line().filter(|_| !is_elsewhere)?;
        let mut alone = self.walks(Ours::Ignores).filter(|(world, _)| self.worlds.is_alone(*world));
        let fix = "nothing, if the program asks for something itself; else put a line that asks for the \
                   password before ours";
        alone.any(|(_, walk)| walk.is_open()).then(|| {
            finding::ASKS_NOTHING.finding("whoever needs no code is asked for nothing", fix).at(line.place())
        })
    }

    fn opens(&self, ours: Ours) -> bool {
        let needs_password = self.asks_password();
        let mut right = self.walks(ours).filter(|(world, _)| world.knows.is_some() || !needs_password);
        right.any(|(_, walk)| walk.is_open())
    }

    /// Right answers that do not open.
    fn dead_ends(&self, skips: bool) -> Vec<Finding> {
        let mut found = Vec::new();
        if !self.opens(Ours::Accepts) {
            let fix = "see which line refuses: totpctl rehearse SERVICE USER";
            found.extend(self.line().map(|line| {
                finding::NEVER_OPENS
                    .finding("a right password and a right code do not open", fix)
                    .at(line.place())
            }));
        } else if skips && !self.opens_without_code() {
            let fix = "add after our line: auth required pam_permit.so";
            found.extend(self.line().map(|line| {
                finding::NOTHING_SAYS_YES
                    .finding("whoever needs no code gets no yes from this stack", fix)
                    .at(line.place())
            }));
        }
        let permits =
            self.stack.lines.iter().skip(self.ours + 1).filter(|line| {
                line.module() == "pam_permit" && line.written.eq_ignore_ascii_case("sufficient")
            });
        found.extend(permits.map(|line| {
            let fix = format!("{}: write required in place of sufficient", line.place());
            finding::PERMIT_AFTER
                .finding("sufficient pam_permit.so stands behind our line", fix)
                .at(line.place())
        }));
        found
    }

    fn at_ours(&self, kind: &Kind, what: &str) -> Option<Finding> {
        let line = self.line()?;
        let arguments = line.arguments().iter().map(|argument| format!(" {}", bracketed(argument)));
        let Step::Module { path, .. } = &line.step else { return None };
        let fix = format!("{}: write: auth required {path}{}", line.place(), arguments.collect::<String>());
        let control = shown(&line.written);
        Some(kind.finding(format!("{what} ({control})"), fix).at(line.place()))
    }
}

/// Whether a line can make libpam forget what was said before it.
fn forgets(line: &Line) -> bool {
    [Answer::SUCCESS, Answer::IGNORE, Answer::AUTH_ERR]
        .iter()
        .any(|said| line.control.on(*said) == Action::Reset)
}

fn forgotten(line: &Line) -> Finding {
    let what = format!("{} makes libpam forget our line's denial", shown(&line.written));
    let fix = format!("{}: write ignore in place of reset, or take the line away", line.place());
    finding::DENIAL_IGNORED.finding(what, fix).at(line.place())
}

/// Lines that libpam takes for refusals.
fn flaws(stack: &Stack) -> Vec<Finding> {
    stack.lines.iter().filter_map(flaw).collect()
}

fn flaw(line: &Line) -> Option<Finding> {
    let bad = |what: String| finding::BAD_LINE.finding(what, "correct the line: pam.conf(5)");
    let finding = match &line.step {
        Step::Fails(Flaw::Kind(kind)) => bad(format!("{kind:?} is no kind of line")),
        Step::Fails(Flaw::NoModule) => bad("the line names no module".to_owned()),
        Step::Fails(Flaw::TooDeep(name)) => bad(format!("{name} is included by itself, or too deep")),
        Step::Fails(Flaw::Include(name)) => finding::INCLUDE_MISSING.finding(
            format!("{name:?}, which is included here, is not there"),
            "put the file back, or take the line away",
        ),
        _ if !line.control.is_readable => bad(format!("control {:?} cannot be read", line.written)),
        _ => return None,
    };
    Some(finding.at(line.place()))
}

/// What comes after the code: the account's lines, which are those of `other` where there are none.
pub(crate) fn account(services: &Services, service: &str) -> Vec<Finding> {
    let stack = services.stack(service, Facility::Account);
    let flaws = flaws(&stack);
    if !flaws.is_empty() {
        return flaws.into_iter().map(|finding| finding.of(service)).collect();
    }
    refused(services, service, &stack).into_iter().collect()
}

fn refused(services: &Services, service: &str, stack: &Stack) -> Option<Finding> {
    let walk = walk(&stack.lines, |_, line| account_answer(line));
    if walk.is_open() {
        return None;
    }
    let file = services.file(service).unwrap_or_else(|| Path::new(service).to_owned());
    let name = file.file_name().map_or(service.into(), |name| name.to_string_lossy());
    let what = if stack.is_other {
        "there is no account line, so that of other counts, and it refuses".to_owned()
    } else {
        let refused =
            walk.asked.iter().find(|(_, answer)| *answer != Answer::SUCCESS && *answer != Answer::IGNORE);
        let line = refused.and_then(|(index, _)| stack.lines.get(*index));
        format!(
            "the account lines refuse everybody{}",
            line.map_or(String::new(), |line| format!(" ({})", line.place()))
        )
    };
    let fix = format!(
        "add to /etc/pam.d/{name}: account required pam_unix.so (on Debian: @include common-account)"
    );
    Some(finding::NO_ACCOUNT.finding(what, fix).of(service))
}

/// A control as it is written: in brackets, if it is not one word.
fn shown(control: &str) -> String {
    if control.contains('=') { format!("[{control}]") } else { control.to_owned() }
}

fn bracketed(argument: &str) -> String {
    let needs = argument.contains([' ', '\t', '[']);
    if needs { format!("[{}]", argument.replace(']', "\\]")) } else { argument.to_owned() }
}

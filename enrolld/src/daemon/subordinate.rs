//! Uids that belong to somebody's containers (subuid(5)): whoever has one account has 65536 of them to knock
//! with.

/// Where it stands which uids are given away; newuidmap(1) maps no others for somebody without privilege.
const PATH: &str = "/etc/subuid";

/// Whether `uid` may be one of a container. It may be a directory's account all the same, where the ranges
/// overlap.
pub(crate) fn is_subordinate(uid: u32) -> bool {
    std::fs::read_to_string(PATH).is_ok_and(|text| text.lines().any(|line| gives_away(line, uid)))
}

/// `owner:first:count`.
fn gives_away(line: &str, uid: u32) -> bool {
    let mut fields = line.split(':').skip(1).map(|field| field.trim().parse::<u64>());
    let (Some(Ok(first)), Some(Ok(count))) = (fields.next(), fields.next()) else { return false };
    (first..first.saturating_add(count)).contains(&u64::from(uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_away_its_range_and_nothing_else() {
        let line = "alice:100000:65536";
        assert!(!gives_away(line, 99_999) && gives_away(line, 100_000));
        assert!(gives_away(line, 165_535) && !gives_away(line, 165_536));
        for nothing in ["", "alice", "alice:1", "alice:x:5", "# alice", "alice:18446744073709551615:9"] {
            assert!(!gives_away(nothing, 1) && !gives_away(nothing, u32::MAX), "{nothing}");
        }
    }
}

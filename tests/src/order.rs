//! What comes first changes what comes next: measurements are taken in any order, the same in every run.

/// Fisher and Yates, with the linear congruential generator of Knuth's MMIX. `random` is its state.
pub fn shuffle<T>(list: &mut [T], random: &mut u64) {
    for end in (1..list.len()).rev() {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(end, (*random >> 33) as usize % (end + 1));
    }
}

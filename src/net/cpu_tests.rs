//! What threads cost: for the measurements beside the tests (docs/PERFORMANCE.md).

use std::fs::{DirEntry, read_dir, read_to_string};

/// Nanoseconds for which the threads of this process whose names begin with `name` were on a core.
pub(super) fn spent(name: &str) -> u64 {
    let of = |task: DirEntry| {
        let thread = read_to_string(task.path().join("comm")).ok()?;
        let times = read_to_string(task.path().join("schedstat")).ok()?;
        thread.starts_with(name).then(|| times.split(' ').next()?.parse::<u64>().ok())?
    };
    read_dir("/proc/self/task").expect("procfs").flatten().filter_map(of).sum()
}

//! Facts about the machine and the process, from `/proc`. What is not there is left out.

use std::collections::BTreeMap;
use std::path::Path;

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The value of `name: value` or `name=value` in a text of lines.
fn member(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([':', '=']))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// What is known of the machine, of this process, and of the disk of a folder.
pub(super) fn gather(data_dir: &Path) -> BTreeMap<&'static str, String> {
    let mut facts = BTreeMap::new();
    let mut fact = |name, value: Option<String>| {
        if let Some(value) = value {
            facts.insert(name, value);
        }
    };
    fact("os", Some(std::env::consts::OS.to_owned()));
    fact("arch", Some(std::env::consts::ARCH.to_owned()));
    fact("distribution", read("/etc/os-release").and_then(|text| member(&text, "PRETTY_NAME")));
    fact("kernel", read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()));
    fact("cpus", std::thread::available_parallelism().ok().map(|number| number.to_string()));
    fact("load", read("/proc/loadavg").map(|text| text.trim().to_owned()));
    let memory = read("/proc/meminfo").unwrap_or_default();
    fact("memory_total", member(&memory, "MemTotal"));
    fact("memory_available", member(&memory, "MemAvailable"));
    let process = read("/proc/self/status").unwrap_or_default();
    fact("process_memory", member(&process, "VmRSS"));
    fact("process_memory_peak", member(&process, "VmHWM"));
    fact("process_threads", member(&process, "Threads"));
    fact("process_files", std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count().to_string()));
    fact("process_limits_files", read("/proc/self/limits").and_then(|text| open_files(&text)));
    if let Ok(disk) = rustix::fs::statvfs(data_dir) {
        fact("data_disk_bytes", Some((disk.f_blocks * disk.f_frsize).to_string()));
        fact("data_disk_free_bytes", Some((disk.f_bavail * disk.f_frsize).to_string()));
        fact("data_disk_free_files", Some(disk.f_favail.to_string()));
    }
    facts
}

/// The soft limit of open files.
fn open_files(limits: &str) -> Option<String> {
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_what_the_kernel_tells() {
        assert_eq!(member("A: 1 kB\nAB=\"x y\"\n", "AB").as_deref(), Some("x y"));
        assert_eq!(member("AB: 1", "A"), None);
        assert_eq!(
            open_files("Max open files            1024      4096      files").as_deref(),
            Some("1024")
        );
        let facts = gather(Path::new("/"));
        assert!(facts.contains_key("os") && facts.contains_key("arch"), "{facts:?}");
    }
}

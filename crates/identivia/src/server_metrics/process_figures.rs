//! Figures of this process under the names that Prometheus' own clients use, read from `/proc/self`.

use metrics::{counter, gauge};

/// Sets the figures of this process. One that cannot be read keeps its last value.
pub(super) fn refresh_process_figures() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| read_field(&status, name).and_then(|value| value.strip_suffix(" kB")?.parse::<f64>().ok());
    if let Some(resident) = kib("VmRSS") {
        gauge!("process_resident_memory_bytes").set(resident * 1_024.0);
    }
    if let Some(whole) = kib("VmSize") {
        gauge!("process_virtual_memory_bytes").set(whole * 1_024.0);
    }
    if let Some(threads) = read_field(&status, "Threads").and_then(|value| value.parse::<f64>().ok()) {
        gauge!("process_threads").set(threads);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    gauge!("process_max_fds").set(limit.current.map_or(f64::INFINITY, |limit| limit as f64));
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    // A counter of whole seconds: the recorder's counters have no fractions.
    counter!("process_cpu_seconds_total").absolute(used.tv_sec.unsigned_abs());
    if let Some(started) = read_start_time() {
        gauge!("process_start_time_seconds").set(started);
    }
}

fn read_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim())
}

/// When this process started, in seconds since 1970: the machine's start and the ticks until then (proc(5)).
fn read_start_time() -> Option<f64> {
    /// Linux shows times to programs in ticks of 10 ms.
    const TICKS_PER_SECOND: f64 = 100.0;
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let own = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in brackets, and may hold spaces.
    let (_, fields) = own.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    Some(booted + ticks / TICKS_PER_SECOND)
}

//! Where a browser goes after a sign-in with a provider: a path of the console, never another site.

/// The console's own page.
pub const CONSOLE_HOME: &str = "/console/";
/// The longest path, in bytes.
const MAX_PATH: usize = 500;

/// The path that a caller names, if it is one of the console; else the console's first page.
#[must_use]
pub fn choose_return_path(wanted: Option<&str>) -> String {
    wanted.filter(|path| is_console_path(path)).unwrap_or(CONSOLE_HOME).to_owned()
}

/// Browsers resolve `..`, in any spelling, and read a backslash as a slash.
fn is_console_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~!$'()*+,;:@?&=%".contains(&byte);
    let lower = path.to_ascii_lowercase();
    path.len() <= MAX_PATH
        && path.starts_with(CONSOLE_HOME)
        && path.bytes().all(is_plain)
        && ["//", "..", "%2e", "%2f", "%5c"]
            .iter()
            .all(|part| !lower.split('?').next().unwrap_or_default().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_console_are_returned_to() {
        for path in ["/console/", "/console/queue?state=open&team=a%20b", "/console/reviews/abc", "/console/?next=//x"]
        {
            assert_eq!(choose_return_path(Some(path)), path);
        }
        let long = format!("/console/{}", "a".repeat(500));
        for path in [
            "",
            "/",
            "/console",
            "/consolex/",
            "//evil.example/console/",
            "https://evil.example/console/",
            "/console/../api/x",
            "/console/%2e%2E/api",
            "/console//evil.example",
            "/console/\\evil",
            "/console/#token=a",
            "/console/a b",
            "/console/\"><script>",
            "/console/%2f%2fevil",
            "/console/a\r\nb",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(choose_return_path(Some(path)), CONSOLE_HOME, "{path}");
        }
        assert_eq!(choose_return_path(None), CONSOLE_HOME);
    }
}

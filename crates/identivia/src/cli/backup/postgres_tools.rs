//! Calls pg_dump and pg_restore. The password goes through the environment: other users of the machine can see arguments.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use url::Url;

/// Dumps a database to a new file, in pg_dump's own format, as it is at one moment.
pub(super) async fn dump_database(url: &str, target: &Path) -> anyhow::Result<()> {
    let arguments: [OsString; 4] =
        ["--format=custom".into(), "--no-owner".into(), "--no-privileges".into(), file_argument(target)];
    run_tool("pg_dump", url, &arguments).await
}

/// Restores a dump to an empty database: all of it or nothing.
pub(super) async fn restore_database(url: &str, dump: &Path) -> anyhow::Result<()> {
    let database = connection_variables(url)?.into_iter().find(|(name, _)| *name == "PGDATABASE");
    let (_, database) = database.context("DATABASE_URL names no database")?;
    let arguments: [OsString; 6] = [
        "--single-transaction".into(),
        "--exit-on-error".into(),
        "--no-owner".into(),
        "--no-privileges".into(),
        format!("--dbname={database}").into(),
        dump.into(),
    ];
    run_tool("pg_restore", url, &arguments).await
}

fn file_argument(target: &Path) -> OsString {
    let mut argument = OsString::from("--file=");
    argument.push(target);
    argument
}

async fn run_tool(tool: &str, url: &str, arguments: &[OsString]) -> anyhow::Result<()> {
    let mut command = Command::new(tool);
    command.args(arguments).envs(connection_variables(url)?).stdin(Stdio::null());
    match tokio::task::spawn_blocking(move || command.output()).await? {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().next().unwrap_or("no reason").to_owned();
            bail!("{tool} failed: {first}")
        }
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{tool} is not on the PATH; install PostgreSQL's client programs, or read \"PostgreSQL without pg_dump\" in \
             docs/backup.md"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot run {tool}")),
    }
}

/// The connection of a URL as libpq's variables.
fn connection_variables(url: &str) -> anyhow::Result<Vec<(&'static str, String)>> {
    // The error does not show the URL: it may hold a password.
    let parsed =
        Url::parse(url).ok().context("DATABASE_URL must be a URL such as postgres://user:password@host/database")?;
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let host = parsed.host_str().map(|host| decode(host).trim_matches(['[', ']']).to_owned());
    let mut variables = vec![
        ("PGHOST", host.unwrap_or_default()),
        ("PGPORT", parsed.port().map(|port| port.to_string()).unwrap_or_default()),
        ("PGUSER", decode(parsed.username())),
        ("PGPASSWORD", decode(parsed.password().unwrap_or_default())),
        ("PGDATABASE", decode(parsed.path().trim_start_matches('/'))),
    ];
    for (name, value) in parsed.query_pairs() {
        let variable = match &*name {
            "host" => "PGHOST",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            _ => continue,
        };
        variables.push((variable, value.into_owned()));
    }
    variables.retain(|(_, value)| !value.is_empty());
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_becomes_variables_of_libpq() {
        let variables = |url: &str| connection_variables(url).unwrap();
        assert_eq!(
            variables("postgres://a%40b:p%2Fw@db.example.com:6432/people?sslmode=verify-full&sslrootcert=/ca.pem"),
            [
                ("PGHOST", "db.example.com"),
                ("PGPORT", "6432"),
                ("PGUSER", "a@b"),
                ("PGPASSWORD", "p/w"),
                ("PGDATABASE", "people"),
                ("PGSSLMODE", "verify-full"),
                ("PGSSLROOTCERT", "/ca.pem"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
        );
        let socket = variables("postgres:///people?host=/run/postgresql");
        assert!(socket.contains(&("PGHOST", "/run/postgresql".to_owned())), "{socket:?}");
        assert_eq!(variables("postgres://[::1]/x")[0], ("PGHOST", "::1".to_owned()));
        let error = connection_variables("CANARY").unwrap_err().to_string();
        assert!(!error.contains("CANARY"), "{error}");
    }
}

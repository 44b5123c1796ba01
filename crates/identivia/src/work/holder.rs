//! For whom work is done.

use crate::records::id::RecordId;

/// For whom work is done. Its cost is charged to the holder, and holders take turns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WorkHolder {
    /// A person with a link, and the team of the profile.
    Link { profile: RecordId, team: String },
    /// A company's server; `None` is an operator's.
    Machine { team: Option<String> },
    /// This server's own jobs.
    Jobs,
}

impl WorkHolder {
    /// The team that pays, if one does.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        let team = match self {
            Self::Link { team, .. } => Some(team.as_str()),
            Self::Machine { team } => team.as_deref(),
            Self::Jobs => None,
        };
        team.filter(|team| !team.is_empty())
    }
}

//! Queries as calls to PocketBase: one record by its id in one call, others as a list.

use serde_json::Value;

use super::answers::unexpected_answer;
use super::conditions::fulfils;
use super::field_mapping::{PROFILE_VERSION, check_identity, hide_foreign_files, id_of, text_of};
use super::filter::{is_session_key, query_filter, search_condition, whole_words_condition};
use super::lists::{ListOrder, ListedParts, RecordList, expanded_histories};
use super::record_reading::{
    ProfileParts, STATUSES, VERIFICATIONS, from_pocketbase, has_truncated_histories, newest_record, profile_fields,
};
use super::shape::{FieldForm, InstanceShape};
use super::{PocketBase, record_path};
use crate::records::id::RecordId;
use crate::records::{FieldMap, RecordKind};
use crate::store::liveness_sessions::derived_id;
use crate::store::{Comparison, Filter, Order, ProfileIdentity, Query, Result, StoredRecord};

/// Keys that one filter names. It has a maximum length.
pub(super) const KEYS_OF_A_FILTER: usize = 80;
/// Leaves out what PocketBase has made in this millisecond: an event that it makes later in the same one may come before.
const SETTLED: &str = " && created < @now";
/// The most profiles of one userID, in all teams, among which one of another program is sought.
const MAX_PROFILES_OF_USER: usize = 100;

impl PocketBase {
    pub(super) async fn read_records(&self, query: &Query) -> Result<Vec<StoredRecord>> {
        let shape = self.instance_shape().await?;
        if let Some(id) = sought_id(query) {
            let Some(id) = id.record_id() else { return Ok(Vec::new()) };
            let found = self.read_by_id(query.kind, id, query.with_newest_verification).await?;
            return single_record(&shape, query, found);
        }
        if let Some((team, user_id)) = sought_user(query) {
            // Almost always the profile has the id that was derived for it.
            let found = self.read_by_id(query.kind, self.profile_id(team, user_id), false).await?;
            let found = single_record(&shape, query, found)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let order = ListOrder::of_query(query.kind, query.order)?;
        let search = match &query.search {
            Some(text) => format!(" && {}", self.search_filter(&shape, query.kind, text).await?),
            None => String::new(),
        };
        let (settled, after) = match query.order {
            Order::Committed => (SETTLED, self.place_of_event(order, query).await?),
            _ => ("", query.after.clone()),
        };
        let mut stored = Vec::new();
        for query in split_by_keys(query) {
            let is_by_key = query.filters.iter().any(|filter| is_key_list(query.kind, filter));
            let list = RecordList {
                kind: query.kind,
                filter: query_filter(&shape, &query)? + &search + settled,
                order,
                limit: query.limit,
                after: after.clone(),
                // A caller that wants all records, or records by key, wants them whole: to copy them.
                parts: if query.keys_only {
                    ListedParts::Key
                } else if is_by_key || query.limit == usize::MAX {
                    ListedParts::Whole
                } else {
                    ListedParts::Fields
                },
            };
            let mut found = self.list(&list).await?;
            if query.kind == RecordKind::LivenessSessions && is_by_key {
                self.complete_uses(&mut found).await?;
            }
            for record in &found {
                let mut fields = from_pocketbase(&shape, query.kind, record);
                if query.keys_only {
                    fields.retain_names(|name| name == query.kind.key_field());
                }
                // A record whose id is not of this program's form has no cursor.
                stored.push(to_stored(&fields, order.cursor(record).unwrap_or_default())?);
            }
        }
        Ok(stored)
    }

    async fn search_filter(&self, shape: &InstanceShape, kind: RecordKind, text: &str) -> Result<String> {
        Ok(match kind {
            RecordKind::Profiles => search_condition(shape, kind, text, self.has_profile_words().await?),
            _ => whole_words_condition(kind, text),
        })
    }

    /// The place in a list of the event whose id a query in the order of commits names.
    async fn place_of_event(&self, order: ListOrder, query: &Query) -> Result<Option<String>> {
        let Some(id) = query.after.as_deref().and_then(RecordId::parse) else { return Ok(None) };
        let record = self.read_by_id(query.kind, id, false).await?;
        record.map(|record| order.cursor(&record)).transpose()
    }

    /// Reads one record; a profile with its newest history records.
    pub(super) async fn read_by_id(
        &self,
        kind: RecordKind,
        id: RecordId,
        with_verifications: bool,
    ) -> Result<Option<Value>> {
        let path = record_path(kind, id.as_str());
        if kind != RecordKind::Profiles {
            let found = self.get(&path, &[]).await?;
            return found.map(|record| check_identity(record, id)).transpose();
        }
        let (expand, fields) =
            (expanded_histories(), profile_fields(ProfileParts { whole: false, with_verifications }));
        let Some(found) = self.get(&path, &[("expand", &expand), ("fields", &fields)]).await? else { return Ok(None) };
        let mut profile = check_identity(found, id)?;
        self.complete_histories(&mut profile).await?;
        Ok(Some(profile))
    }

    /// Reads the newest history records where they did not come with a profile: PocketBase returns the oldest ones, and
    /// none where the history's `profile` is no relation.
    pub(super) async fn complete_histories(&self, profile: &mut Value) -> Result<()> {
        let shape = self.instance_shape().await?;
        let is_truncated = has_truncated_histories(profile);
        let histories = [(STATUSES, RecordKind::StatusHistory), (VERIFICATIONS, RecordKind::VerificationHistory)];
        for (history, kind) in histories {
            let link = shape.of_kind(kind).field("profile").form;
            if is_truncated || !matches!(link, FieldForm::Relation | FieldForm::Unlearned) {
                let id = id_of(profile)?;
                let newest = self.newest_history_record(kind, id).await?;
                if !newest.is_empty() {
                    profile["expand"][history] = newest.into();
                }
            }
        }
        Ok(())
    }

    /// Finds a userID's profile that another program has made for a team, where the caller names no team: an operator's
    /// client takes it for the existing one. Profiles that this program has made carry a version.
    pub(super) async fn find_older_profile(&self, user_id: &str) -> Result<Option<ProfileIdentity>> {
        let shape = self.instance_shape().await?;
        let query = Query::of_kind(RecordKind::Profiles).filter("user_id", Comparison::Is(user_id.into()));
        let list = RecordList {
            kind: query.kind,
            filter: query_filter(&shape, &query)?,
            order: ListOrder::of_query(query.kind, Order::Oldest)?,
            limit: MAX_PROFILES_OF_USER,
            after: None,
            parts: ListedParts::Fields,
        };
        let found = self.list(&list).await?;
        let team = |record: &Value| {
            let team = from_pocketbase(&shape, RecordKind::Profiles, record).remove("team");
            team.and_then(|team| team.as_str().map(str::to_owned)).unwrap_or_default()
        };
        if found.iter().any(|record| team(record).is_empty()) {
            return Ok(None);
        }
        let is_older = |record: &&Value| matches!(text_of(record, PROFILE_VERSION).as_str(), "" | "0");
        let older = found.iter().find(is_older);
        older.map(|record| Ok(ProfileIdentity { id: id_of(record)?, team: team(record) })).transpose()
    }

    /// Says of sessions which verification record has used them. The session alone may not say it, because without the
    /// batch API the two are not written together.
    async fn complete_uses(&self, sessions: &mut [Value]) -> Result<()> {
        let is_unused = |session: &&mut Value| text_of(session, "used_by").is_empty();
        let mut unused: Vec<&mut Value> = sessions.iter_mut().filter(is_unused).collect();
        let keys: Vec<Value> = unused.iter().map(|session| session["id"].clone()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let kind = RecordKind::VerificationHistory;
        let shape = self.instance_shape().await?;
        let query = Query::of_kind(kind).filter("session_claim", Comparison::In(keys));
        let list = RecordList {
            kind,
            filter: query_filter(&shape, &query)?,
            order: ListOrder::of_query(kind, Order::Oldest)?,
            limit: unused.len(),
            after: None,
            parts: ListedParts::Fields,
        };
        for record in self.list(&list).await? {
            let claim = text_of(&record, "session_claim");
            if let Some(session) = unused.iter_mut().find(|session| session["id"] == *claim) {
                session["used_by"] = record["id"].clone();
            }
        }
        Ok(())
    }

    /// Finds a setting. PocketBase's own id of it is random.
    pub(super) async fn find_setting(&self, key: &str) -> Result<Option<Value>> {
        let shape = self.instance_shape().await?;
        let query = Query::by_key(RecordKind::Settings, key);
        let list = RecordList {
            kind: query.kind,
            filter: query_filter(&shape, &query)?,
            order: ListOrder::of_query(query.kind, Order::Ascending("key"))?,
            limit: 1,
            after: None,
            parts: ListedParts::Whole,
        };
        Ok(self.list(&list).await?.into_iter().next())
    }
}

/// What names one record: its id in PocketBase, or a provider's id from which that follows.
enum SoughtId<'a> {
    Own(&'a str),
    OfSession(&'a str),
}

impl SoughtId<'_> {
    /// The id in PocketBase; `None` where no record can have it.
    fn record_id(&self) -> Option<RecordId> {
        match self {
            Self::Own(id) => RecordId::parse(id),
            Self::OfSession(id) => Some(derived_id(id)).filter(|_| !id.is_empty()),
        }
    }
}

/// The id of the one record that a query names, if it names one.
fn sought_id(query: &Query) -> Option<SoughtId<'_>> {
    query.filters.iter().find_map(|filter| match &filter.comparison {
        Comparison::Is(Value::String(key)) if is_session_key(query.kind, filter.field) => {
            Some(SoughtId::OfSession(key))
        }
        Comparison::Is(Value::String(id)) if is_id(query.kind, filter.field) => Some(SoughtId::Own(id)),
        _ => None,
    })
}

/// The id in PocketBase of the record with that key; `None` where no record can have it.
pub(super) fn id_of_key(kind: RecordKind, key: &str) -> Option<RecordId> {
    if is_session_key(kind, kind.key_field()) { SoughtId::OfSession(key) } else { SoughtId::Own(key) }.record_id()
}

fn is_id(kind: RecordKind, field: &str) -> bool {
    kind.field(field).is_some_and(|field| field.in_pocketbase == "id")
}

/// The team and userID that a query names, if it wants the one profile that has them.
fn sought_user(query: &Query) -> Option<(&str, &str)> {
    let value = |name: &str| {
        query.filters.iter().find(|filter| filter.field == name).and_then(|filter| match &filter.comparison {
            Comparison::Is(Value::String(text)) => Some(text.as_str()),
            _ => None,
        })
    };
    let is_for_one = query.kind == RecordKind::Profiles && query.limit == 1 && query.filters.len() == 2;
    if is_for_one { value("team").zip(value("user_id")) } else { None }
}

fn is_key_list(kind: RecordKind, filter: &Filter) -> bool {
    filter.field == kind.key_field() && matches!(filter.comparison, Comparison::In(_))
}

/// The same query in several, where it names more keys than one filter can.
fn split_by_keys(query: &Query) -> Vec<Query> {
    let place = query.filters.iter().position(|filter| is_key_list(query.kind, filter));
    let Some((place, filter)) = place.and_then(|place| Some((place, query.filters.get(place)?))) else {
        return vec![query.clone()];
    };
    let Comparison::In(keys) = &filter.comparison else { return vec![query.clone()] };
    let with_keys = |keys: &[Value]| {
        let mut query = query.clone();
        query.filters[place].comparison = Comparison::In(keys.to_vec());
        query
    };
    keys.chunks(KEYS_OF_A_FILTER).map(with_keys).collect()
}

/// The one record of a query by id, if it passes the query's other filters.
fn single_record(shape: &InstanceShape, query: &Query, found: Option<Value>) -> Result<Vec<StoredRecord>> {
    let Some(record) = found else { return Ok(Vec::new()) };
    let mut fields = from_pocketbase(shape, query.kind, &record);
    if !query.filters.iter().all(|filter| fulfils(&fields, filter.field, &filter.comparison)) {
        return Ok(Vec::new());
    }
    if query.kind == RecordKind::Profiles {
        hide_foreign_files(query.kind, &mut fields);
    }
    let mut stored = to_stored(&fields, ListOrder::of_query(query.kind, query.order)?.cursor(&record)?)?;
    if query.with_newest_verification
        && let Some(newest) = newest_record(&record, VERIFICATIONS)
    {
        stored.newest_verification = Some(to_json(&from_pocketbase(shape, RecordKind::VerificationHistory, newest))?);
    }
    Ok(vec![stored])
}

fn to_stored(fields: &FieldMap, cursor: String) -> Result<StoredRecord> {
    Ok(StoredRecord { json: to_json(fields)?, cursor, newest_verification: None })
}

fn to_json(fields: &FieldMap) -> Result<String> {
    serde_json::to_string(fields).map_err(|_| unexpected_answer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Reach;

    #[test]
    fn queries_by_key_name_one_record() {
        let id = RecordId::random();
        let sought = |query: &Query| sought_id(query).map(|id| id.record_id());
        let profile = Query::by_key(RecordKind::Profiles, id.as_str()).within(&Reach::Team("t".to_owned()));
        assert_eq!(sought(&profile), Some(Some(id)));
        assert_eq!(sought(&Query::by_key(RecordKind::Profiles, "../x")), Some(None));
        assert_eq!(sought(&Query::by_key(RecordKind::LivenessSessions, "s/1")), Some(Some(derived_id("s/1"))));
        let by_files =
            Query::of_kind(RecordKind::LivenessSessions).filter("files_id", Comparison::Is(id.as_str().into()));
        assert_eq!(sought(&by_files), Some(Some(id)));
        assert_eq!(sought(&Query::by_key(RecordKind::Settings, "k")), None);
        assert_eq!(sought(&Query::of_kind(RecordKind::Profiles)), None);
    }

    #[test]
    fn user_is_sought_only_where_one_profile_is_wanted() {
        let of_user = Query::of_kind(RecordKind::Profiles)
            .filter("team", Comparison::Is("t".into()))
            .filter("user_id", Comparison::Is("u".into()));
        assert_eq!(sought_user(&of_user), None);
        assert_eq!(sought_user(&of_user.limited(1)), Some(("t", "u")));
    }

    #[test]
    fn many_keys_are_split() {
        let keys: Vec<Value> = (0..200).map(|number| Value::from(number.to_string())).collect();
        let queries = split_by_keys(&Query::of_kind(RecordKind::Profiles).filter("id", Comparison::In(keys)));
        assert_eq!(queries.len(), 3);
        assert_eq!(split_by_keys(&Query::of_kind(RecordKind::Profiles)).len(), 1);
    }
}

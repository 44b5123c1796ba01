//! Updates and deletes of one record: its conditions, the columns and parts that change, and the files it replaces.

use serde_json::{Value, json};

use super::commit_error::{CommitError, CommitResult};
use super::conditions::{fields_read, find_broken};
use super::insert::PreparedInsert;
use super::record_row::{AFTER_SEQ, FieldJson, RawFields, is_stored, parse_raw_fields, read_columns_json};
use super::search_rows::SearchRows;
use super::table::{Column, Part, Table};
use super::{Dialect, Execution, SqlRow, SqlStatement, SqlTransaction, SqlValue, unreadable_row};
use crate::records::id::random_text;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};
use crate::store::search::{changes_tokens, record_tokens, searched_fields};
use crate::store::{Condition, IfExists, Refusal, Result};

/// The time from which a replaced file may be removed: at once.
const REMOVABLE_NOW: Millis = Millis(1);
/// Removes what was read on the pictures of a profile.
const DELETE_READINGS: &str = "delete from document_readings where profile = $1";

/// The record that a change is about, and the conditions on it.
pub(super) struct UpdateTarget {
    table: &'static Table,
    key: String,
    conditions: Vec<Condition>,
    /// An earlier change of the commit is about the same record.
    is_repeated: bool,
    read: RecordRead,
}

/// What must be read of a record before it changes.
enum RecordRead {
    Nothing,
    /// The columns that its conditions name.
    Columns(Vec<&'static Column>),
    Whole,
}

/// A record before its change.
pub(super) enum BeforeImage {
    NotRead,
    Missing,
    /// Its JSON, or that of the columns that were read.
    Read(String),
}

impl UpdateTarget {
    pub(super) fn new(kind: RecordKind, key: String, conditions: Vec<Condition>, is_repeated: bool) -> Result<Self> {
        let table = Table::of_kind(kind);
        let mut names: Vec<&str> = conditions.iter().flat_map(fields_read).collect();
        names.sort_unstable();
        names.dedup();
        names.iter().try_for_each(|name| table.check_field(name))?;
        let columns: Option<Vec<&Column>> = names.iter().map(|name| table.column(name)).collect();
        let read = match columns {
            Some(columns) if columns.is_empty() => RecordRead::Nothing,
            Some(columns) => RecordRead::Columns(columns),
            None => RecordRead::Whole,
        };
        Ok(Self { table, key, conditions, is_repeated, read })
    }

    /// Also reads the fields from which the record's words come.
    pub(super) fn read_words(&mut self) -> Result<()> {
        let words: Vec<&str> = searched_fields(self.table.kind).map(|field| field.name).collect();
        if words.is_empty() { Ok(()) } else { self.read_columns(&words) }
    }

    /// Also reads those columns.
    pub(super) fn read_columns(&mut self, names: &[&str]) -> Result<()> {
        let mut read: Vec<&Column> = match &self.read {
            RecordRead::Whole => return Ok(()),
            RecordRead::Columns(columns) => columns.clone(),
            RecordRead::Nothing => Vec::new(),
        };
        for name in names {
            let column = self.table.column(name).ok_or_else(|| unreadable_row("no such column"))?;
            if !read.iter().any(|other| other.field.name == *name) {
                read.push(column);
            }
        }
        self.read = RecordRead::Columns(read);
        Ok(())
    }

    /// Says whether it is the record with that key.
    pub(super) fn is_record(&self, kind: RecordKind, key: &str) -> bool {
        self.table.kind == kind && self.key == key
    }

    /// Reads the record, locks it, and checks the conditions on it.
    pub(super) async fn check_conditions(
        &self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
    ) -> CommitResult<BeforeImage> {
        let image = self.read_image(transaction, dialect).await?;
        let fields = image.fields()?;
        match find_broken(&self.conditions, fields.as_ref()) {
            Some(refusal) => Err(CommitError::Refused(refusal)),
            None => Ok(image),
        }
    }

    async fn read_image(&self, transaction: &mut dyn SqlTransaction, dialect: &Dialect) -> Result<BeforeImage> {
        let statement = match &self.read {
            RecordRead::Nothing => return Ok(BeforeImage::NotRead),
            RecordRead::Columns(columns) => self.select_columns(columns, dialect),
            RecordRead::Whole => self.select_text(&self.table.select_list, dialect),
        };
        let mut image = BeforeImage::Missing;
        let mut read_row = |row: &dyn SqlRow| {
            image = BeforeImage::Read(match &self.read {
                RecordRead::Columns(columns) => read_columns_json(row, 0, columns.iter().copied())?,
                _ => self.table.read_json(row, AFTER_SEQ, true)?,
            });
            Ok(())
        };
        transaction.fetch(&statement, &[self.key_value()], &mut read_row).await?;
        Ok(image)
    }

    fn select_columns(&self, columns: &[&Column], dialect: &Dialect) -> String {
        let names: Vec<&str> = columns.iter().map(|column| column.field.name).collect();
        self.select_text(&names.join(", "), dialect)
    }

    fn select_text(&self, list: &str, dialect: &Dialect) -> String {
        let kind = self.table.kind;
        format!("select {list} from {} r where r.{} = $1{}", kind.name(), kind.key_field(), dialect.row_lock)
    }

    /// Removes the record, if it exists, and its words.
    pub(super) async fn delete_record(
        &self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
        mut image: BeforeImage,
    ) -> Result<()> {
        let kind = self.table.kind;
        if self.is_repeated {
            image = self.read_image(transaction, dialect).await?;
        }
        let words = image.fields()?.map(|record| record_tokens(kind, &read_searched_fields(kind, &record)));
        if let Some(rows) = words.and_then(|words| SearchRows::of_words(kind, &self.key, &words)) {
            rows.delete_rows(transaction, dialect).await?;
        }
        if kind == RecordKind::Profiles {
            // What was read on its pictures goes in the same step.
            transaction.execute(DELETE_READINGS, &[self.key_value()]).await?;
        }
        let statement = format!("delete from {} where {} = $1", kind.name(), kind.key_field());
        transaction.execute(&statement, &[self.key_value()]).await.map(drop)
    }

    fn key_value(&self) -> SqlValue<'_> {
        SqlValue::Text(self.key.as_str().into())
    }
}

impl BeforeImage {
    /// The fields that were read; `None` where there is no record.
    pub(super) fn to_fields(&self) -> Result<Option<FieldMap>> {
        match self {
            Self::Read(json) => serde_json::from_str(json).map(Some).map_err(|_| unreadable_row("a part is no JSON")),
            Self::NotRead | Self::Missing => Ok(None),
        }
    }

    fn fields(&self) -> Result<Option<RawFields<'_>>> {
        match self {
            Self::Read(json) => parse_raw_fields(json).map(Some),
            Self::NotRead | Self::Missing => Ok(None),
        }
    }
}

/// An update whose values are converted before its transaction begins.
pub(super) struct PreparedUpdate {
    pub(super) target: UpdateTarget,
    fields: FieldMap,
    columns: Vec<(&'static Column, SqlValue<'static>)>,
    /// The parts that hold other changed fields. Only these are written again.
    parts: Vec<&'static Part>,
    /// The commit returns the whole record as it is then.
    returns_record: bool,
}

impl PreparedUpdate {
    pub(super) fn prepare(mut target: UpdateTarget, fields: FieldMap, returns_record: bool) -> Result<Self> {
        let table = target.table;
        fields.keys().try_for_each(|name| table.check_field(name))?;
        let mut columns = Vec::new();
        for column in &table.columns {
            if let Some(value) = fields.get(column.field.name) {
                columns.push((column, column.to_sql_value(value)?));
            }
        }
        let is_changed = |part: &&Part| part.fields.iter().any(|field| fields.contains_key(field.name));
        let parts: Vec<&Part> = table.parts.iter().filter(is_changed).collect();
        // A file is a field of the body, so a replaced one is in what is read. Words come from several fields.
        if returns_record || !parts.is_empty() || changes_tokens(table.kind, &fields) {
            target.read = RecordRead::Whole;
        }
        Ok(Self { target, fields, columns, parts, returns_record })
    }

    /// Also sets fields that have columns of their own.
    pub(super) fn set_fields(&mut self, fields: FieldMap) -> Result<()> {
        for (name, value) in fields.iter() {
            let column = self.target.table.column(name).ok_or_else(|| unreadable_row("no such column"))?;
            self.columns.push((column, column.to_sql_value(value)?));
        }
        self.fields.extend(fields);
        Ok(())
    }

    /// Writes the changed columns and parts, and marks the files that are replaced for removal. Returns the record, or
    /// just the changed fields where nothing else was read; `None` when there is no such record.
    pub(super) async fn update_record(
        self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
        mut image: BeforeImage,
        time: &Value,
    ) -> CommitResult<Option<FieldMap>> {
        if self.target.is_repeated {
            image = self.target.read_image(transaction, dialect).await?;
        }
        if matches!(image, BeforeImage::Missing) {
            return Ok(None);
        }
        let before = image.fields()?.unwrap_or_default();
        if let Some(statement) = self.statement(&before) {
            match transaction.execute(&statement.text, &statement.values).await? {
                Execution::NotUnique => return Err(CommitError::Refused(Refusal::AlreadyExists)),
                Execution::Changed(0) => return Ok(None),
                Execution::Changed(_) => {}
            }
        }
        self.change_search_rows(&before, transaction, dialect).await?;
        for intent in self.intents_of_replaced_files(&before, time)? {
            intent.insert_record(transaction, dialect).await?;
        }
        Ok(Some(self.into_stored(&image)?))
    }

    /// `None` when nothing changes.
    fn statement(&self, before: &RawFields<'_>) -> Option<SqlStatement> {
        let kind = self.target.table.kind;
        let mut statement = SqlStatement::starting_with("update ");
        statement.push_text(kind.name());
        let mut separator = " set ";
        let columns = self.columns.iter().map(|(column, value)| (column.field.name, value.clone()));
        let parts = self.parts.iter().map(|part| (part.name, self.part_value(part, before)));
        for (name, value) in columns.chain(parts) {
            statement.push_text(separator);
            statement.push_text(name);
            statement.push_text(" = ");
            statement.push_value(value);
            separator = ", ";
        }
        if statement.values.is_empty() {
            return None;
        }
        statement.push_text(" where ");
        statement.push_text(kind.key_field());
        statement.push_text(" = ");
        statement.push_value(SqlValue::from_text(self.target.key.as_str()));
        Some(statement)
    }

    /// Removes the words that the record no longer has, and adds the new ones.
    async fn change_search_rows(
        &self,
        before: &RawFields<'_>,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
    ) -> Result<()> {
        let (kind, key) = (self.target.table.kind, &self.target.key);
        if !changes_tokens(kind, &self.fields) {
            return Ok(());
        }
        let mut fields = read_searched_fields(kind, before);
        let words_before = record_tokens(kind, &fields);
        fields.extend(self.fields.clone());
        let words = record_tokens(kind, &fields);
        if let Some(rows) = SearchRows::of_words(kind, key, words_before.difference(&words)) {
            rows.delete_rows(transaction, dialect).await?;
        }
        if let Some(rows) = SearchRows::of_words(kind, key, words.difference(&words_before)) {
            rows.insert_rows(transaction, dialect).await?;
        }
        Ok(())
    }

    fn part_value(&self, part: &'static Part, before: &RawFields<'_>) -> SqlValue<'static> {
        part.to_sql_value(|field| match self.fields.get(field.name) {
            Some(value) => Some(value).filter(|value| is_stored(field, value)).map(FieldJson::Value),
            None => before.get(field.name).map(|json| FieldJson::Stored(json)),
        })
    }

    fn intents_of_replaced_files(&self, before: &RawFields<'_>, time: &Value) -> Result<Vec<PreparedInsert>> {
        let kind = self.target.table.kind;
        let text_before = |name| {
            let text: Option<String> = before.get(name).and_then(|json| serde_json::from_str(json.get()).ok());
            text.filter(|text| !text.is_empty())
        };
        let mut intents = Vec::new();
        for field in kind.fields().iter().filter(|field| field.holds.is_file()) {
            let (Some(new), Some(old)) = (self.fields.get(field.name), text_before(field.name)) else { continue };
            if *new == old.as_str() {
                continue;
            }
            // The id of a session is the provider's: its files have an id of their own.
            let record = text_before("files_id").unwrap_or_else(|| self.target.key.clone());
            let intent = FieldMap::from([
                ("mark", json!(random_text::<12>())),
                ("collection", json!(kind.name())),
                ("record", json!(record)),
                ("name", json!(old)),
                ("removable_from", json!(REMOVABLE_NOW)),
                ("created", time.clone()),
            ]);
            let if_exists = IfExists::Refuse(Refusal::AlreadyExists);
            intents.push(PreparedInsert::prepare(RecordKind::FileIntents, intent, if_exists)?);
        }
        Ok(intents)
    }

    fn into_stored(self, image: &BeforeImage) -> Result<FieldMap> {
        let BeforeImage::Read(json) = image else { return Ok(self.fields) };
        if !self.returns_record {
            return Ok(self.fields);
        }
        let mut stored: FieldMap = serde_json::from_str(json).map_err(|_| unreadable_row("a part is no JSON"))?;
        stored.extend(self.fields);
        Ok(stored)
    }
}

/// The fields of a record that are searched.
fn read_searched_fields(kind: RecordKind, record: &RawFields<'_>) -> FieldMap {
    let text = |name| record.get(name).and_then(|json| serde_json::from_str::<Value>(json.get()).ok());
    searched_fields(kind).filter_map(|field| Some((field.name.to_owned(), text(field.name)?))).collect()
}

/// The statements of reading, updating and deleting a record of a kind.
#[cfg(test)]
pub(super) fn statements_of_kind(dialect: &Dialect, kind: RecordKind, fields: FieldMap) -> Vec<String> {
    let table = Table::of_kind(kind);
    let target = UpdateTarget::new(kind, "w".to_owned(), Vec::new(), false).unwrap();
    let columns: Vec<&Column> = table.columns.iter().collect();
    let reads = [target.select_columns(&columns, dialect), target.select_text(&table.select_list, dialect)];
    let delete = format!("delete from {} where {} = $1", kind.name(), kind.key_field());
    let update = PreparedUpdate::prepare(target, fields, true).unwrap().statement(&RawFields::new()).unwrap();
    reads.into_iter().chain([delete, update.text]).collect()
}

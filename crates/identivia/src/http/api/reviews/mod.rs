//! Reviews: the queue of verification records that people look at, their claims, decisions and notes.

mod access;
mod case;
mod case_fields;
mod case_history;
mod case_images;
mod claim;
mod counts;
mod create;
mod decide;
mod decision_body;
mod list;
mod next;
mod note;
mod reasons;
mod reopen;
mod reveal;
mod row;
mod second;
mod undo;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The operations of reviews.
pub(crate) fn review_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(reasons::list_reasons))
        .routes(routes!(list::list_reviews, create::create_review))
        .routes(routes!(counts::count_reviews))
        .routes(routes!(next::claim_next_review))
        .routes(routes!(case::get_review))
        .routes(routes!(claim::claim_review))
        .routes(routes!(claim::renew_review_claim))
        .routes(routes!(claim::release_review))
        .routes(routes!(decide::approve_review))
        .routes(routes!(decide::reject_review))
        .routes(routes!(decide::request_resubmission))
        .routes(routes!(undo::undo_review_decision))
        .routes(routes!(second::second_review))
        .routes(routes!(reopen::reopen_review))
        .routes(routes!(note::add_review_note))
        .routes(routes!(reveal::reveal_review_fields))
}

//! The console's own operations: signing in and out, the own account, and users.

mod account;
mod console_call;
mod console_state;
mod invitation;
mod login;
mod logout;
mod mail_texts;
mod oidc;
mod own_password;
mod own_sessions;
mod passkeys;
mod second_factor;
mod set_up;
mod step_up;
mod users;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The console's operations.
pub(crate) fn console_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(console_state::get_console_state))
        .routes(routes!(set_up::set_up_console))
        .routes(routes!(invitation::accept_invitation))
        .routes(routes!(login::sign_in))
        .routes(routes!(login::show_second_factor))
        .routes(routes!(step_up::confirm_identity))
        .routes(routes!(logout::sign_out))
        .routes(routes!(account::get_own_account, account::change_own_account))
        .routes(routes!(own_password::change_own_password))
        .routes(routes!(second_factor::start_totp))
        .routes(routes!(second_factor::confirm_totp))
        .routes(routes!(second_factor::draw_new_recovery_codes))
        .routes(routes!(own_sessions::list_own_sessions))
        .routes(routes!(own_sessions::end_own_session))
        .merge(passkeys::passkey_operations())
        .merge(oidc::oidc_operations())
        .routes(routes!(mail_texts::list_mail_kinds))
        .routes(routes!(mail_texts::send_mail_example))
        .merge(users::user_operations())
}

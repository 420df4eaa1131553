#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/cancellation.hpp"
#include "actors/base/digest.hpp"
#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/request_key.hpp"
#include "actors/base/time.hpp"
#include "persistence/reads/messages.hpp"

/// Plain reads and writes: accounts, catalogue, a user's own reservations. The store's database
/// role cannot touch what the ledger owns.
namespace tk {

enum class user_role : uint8_t { user = 1, admin };

struct user_row {
  bool found = false;
  user_id id;
  std::string email, name, phone; ///< In clear; the adapter encrypts them at rest (C15).
  user_role role = user_role::user;
  std::string password_hash; ///< Empty: an account without password.
  instant created_at;
  instant revoked_before;    ///< As in `session_rows`.
  int32_t credentials = 1;   ///< Counts changes of the password, and leaving.
  bool password_due = false; ///< To be changed before anything else.
  bool closed = false;       ///< Nobody logs in any more.
  bool has_google = false;   ///< Signs in by Google.
};

/// Creates an account. `email` is already lower-case and trimmed.
struct insert_user {
  user_id id;
  std::string email, name, phone, password_hash;
  user_role role = user_role::user;
};
struct inserted_user {
  bool created = false; ///< False: the mail is taken.
  instant created_at;
};
struct find_user_by_mail {
  std::string email;
};
struct find_user_by_id {
  user_id id;
};
/// Replaces a hash by a stronger one (C2), when it is still `old_hash`.
struct renew_password_hash {
  user_id id;
  std::string old_hash, new_hash;
};
struct renewed {
  bool done = false;
};

/// Somebody whom Google vouches for (2.1, P-7). `email` is folded.
struct sign_in_google {
  user_id fresh; ///< Of the account, should one have to be made.
  std::string subject, email, name;
  bool email_verified = false;
  /// This account's sessions have ended and its password is `no_password`: it may be linked. Nil at
  /// first.
  user_id secured;
};
/// `ec::google_payload`: the mail belongs to an account that is not this person's for certain.
struct google_account {
  ec is = ec::ok;
  user_row user;
  bool to_secure = false; ///< Not linked yet: whoever registered the mail may not have owned it.
};
/// No password has this hash.
inline constexpr char no_password[] = "*";

/// What is absent stays; an empty phone number is none.
struct update_profile {
  user_id id;
  std::optional<std::string> name, phone;
};

/// The sessions of a user that can still be refreshed, the last used first.
struct list_sessions {
  user_id user;
};
struct session_view {
  family_id id;
  instant created_at, used_at, expires_at;
  std::string user_agent, address;
};
struct session_list {
  std::vector<session_view> rows;
};

/// Whose access tokens were revoked at `since` or later, in order of (moment, user), after `after`
/// of that moment.
struct list_revocations {
  instant since;
  user_id after; ///< Nil: from the first of that moment.
  int32_t limit = 1000;
};
struct revocation_row {
  user_id user;
  instant revoked_before;
};
struct revocation_page {
  std::vector<revocation_row> rows;
};

/// Erases the personal data of accounts that were closed so long ago, and sessions that are over.
struct clear_accounts {
  int64_t erase_after_s = 0;
  int32_t limit = 0; ///< Of each.
};
struct accounts_cleared {
  int64_t erased = 0, sessions = 0;
};

/// Asks for the domain events that nobody has relayed yet.
/// Puts what an administrator did, or tried to, on record (contract 6.7).
struct note_admin_action {
  user_id admin;
  std::string action, resource_type;
  std::string resource; ///< A uuid; empty = none.
  std::string summary;
  int32_t status = 0; ///< That it was answered with.
  std::string address;
};
struct admin_action_noted {};

/// The list of a draw that was made, as docs/fair-draw.md tells it: whole turns of the room after
/// `after_turn`, until there are `lines_min` lines.
struct read_draw_list {
  event_id event;
  int64_t after_turn = 0;
  int32_t lines_min = 10'000;
};
struct draw_line {
  uint32_t number = 0;
  user_id user;
};
struct draw_list {
  bool drawn = false; ///< Else nothing is told.
  sha256_digest seed{};
  std::vector<draw_line> lines; ///< In the order of the record.
  int64_t last_turn = 0;        ///< Whose lines these are, too.
  bool more = false;
};

struct measure_outbox {};
struct outbox_backlog {
  int64_t pending = 0;   ///< Counted up to `counted_max`.
  int64_t oldest_ms = 0; ///< Age of the oldest one.
  static constexpr int32_t counted_max = 10'000;
};

// -- catalogue ----------------------------------------------------------------------------------

/// `any` leaves the cancelled out (C23); `none` is what no event has.
enum class event_status_filter : uint8_t { any = 0, upcoming, on_sale, ended, cancelled, none };

/// What a list of events is sorted by; then by id. Events without it come last.
enum class event_order : uint8_t { sale_start = 0, event_date, title, price };

/// Events that pass every filter (G09).
struct list_events {
  event_status_filter status = event_status_filter::any;
  std::string search; ///< In title, artist, venue and address; empty = any.
  int32_t page = 1, limit = 10;
  std::string venue;                                      ///< In the venue's name; empty = any.
  artist_id artist = {};                                  ///< Nil = any.
  instant from = instant::min(), before = instant::max(); ///< from <= event date < before.
  /// Something can be bought within these bounds, as far as the event's price range tells.
  std::optional<won> min_price = {}, max_price = {};
  event_order order = event_order::sale_start;
  bool descending = false;
};
struct ticket_type_view {
  ticket_type_id id;
  std::string name, description;
  bool has_description = false;
  won price;
  int32_t total = 0, available = 0;
};
/// An event as lists and details show it. Empty strings with a `has_` flag false are null.
struct event_view {
  event_id id;
  std::string title, venue, status; ///< `status` as of the statement's time (P-34).
  std::string description, address, poster_image_url, artist_name;
  bool has_description = false, has_address = false, has_poster = false, has_artist_name = false;
  instant event_date, created_at, updated_at;
  bool has_sale_start = false, has_sale_end = false;
  instant sale_start, sale_end;
  bool has_artist = false, has_layout = false, has_creator = false;
  artist_id artist;
  layout_id layout;
  user_id creator;
  bool pre_scaled = false;
  int32_t ticket_type_count = 0;
  bool has_prices = false;
  won min_price, max_price;
  cancellation_policy cancellation;
  std::vector<ticket_type_view> ticket_types; ///< Details only; by price descending.
};
struct event_page {
  std::vector<event_view> events;
  int64_t total = 0;
};
struct read_event {
  event_id id;
};
struct found_event {
  bool found = false;
  event_view event;
};
/// Of which event a ticket type is.
struct find_ticket_type {
  ticket_type_id id;
};
struct found_ticket_type {
  bool found = false;
  event_id event;
};
/// Says what an event allows buyers who cancel. Told is what holds now.
struct set_cancellation_policy {
  event_id event;
  cancellation_policy policy;
};
struct policy_set {
  bool found = false;
};
/// Cancels an event for ever: nothing of it is sold any more, and from then on what was sold is
/// given back. `shard` is the event's. Repeated, the first time counts.
struct cancel_event {
  event_id event;
  int32_t shard = 0;
  user_id admin;
  std::string reason;
};
/// How far the cancellation of an event has come.
struct read_event_cancellation {
  event_id event;
};
struct event_cancellation_view {
  bool found = false;             ///< The event was cancelled here.
  bool first = false;             ///< By this very question.
  instant cancelled_at, ended_at; ///< `ended_at` epoch = reservations are left.
  std::string reason;
  int64_t concerned = 0; ///< Reservations that were pending or confirmed at that moment.
  int64_t pending = 0, confirmed = 0; ///< Left.
  int64_t refunds_open = 0, refunds_done = 0;
  int64_t refunds_failing = 0; ///< Of the open: were tried five times.
  won amount_open, amount_done;
};
/// Reservations of cancelled events that are left and whose blocks `node` has; a page by id.
struct find_recalls {
  node_id node;
  reservation_id after; ///< Behind this one.
  int32_t limit = 100;
};
struct recall_row {
  event_id event;
  reservation_id reservation;
  int32_t lead_block = 0;
  bool confirmed = false;
  std::string reason;
};
/// Also notes which cancellations have ended.
struct recalls {
  std::vector<recall_row> rows;
  bool some = false; ///< A cancellation is open, here or at another node.
  int64_t fresh = 0; ///< Refunds of it, of this node's blocks, that the provider was not asked for.
  int64_t open = 0;  ///< Those that are not done and were tried fewer than five times.
};
struct list_layouts {};
struct layout_view {
  layout_id id;
  std::string name, description, layout_json;
  bool has_description = false;
  int32_t total_seats = 0;
};
struct layouts {
  std::vector<layout_view> rows; ///< By total seats ascending.
};

struct artist_view {
  artist_id id;
  std::string name, image_url, description;
  bool has_image = false, has_description = false;
  won membership_price;
  instant created_at, updated_at;
  int64_t event_count = 0;  ///< Without the cancelled.
  int64_t member_count = 0; ///< Memberships active as of the statement's time.
};
/// A page of the artists, by name.
struct list_artists {
  int32_t page = 1, limit = 50;
};
struct artist_page {
  std::vector<artist_view> artists;
  int64_t total = 0;
};
struct read_artist {
  artist_id id;
};
struct found_artist {
  bool found = false;
  artist_view artist;
  std::vector<event_view> events; ///< Without the cancelled; by event date, then id.
};

// -- a user's reservations ----------------------------------------------------------------------

struct reservation_item_view {
  std::string ticket_type_name; ///< Falls back to the seat label.
  int32_t quantity = 1;
  won unit_price, subtotal;
  bool has_seat = false;
  seat_id seat;
  std::string seat_label, section;
  int32_t row_number = 0, seat_number = 0;
  std::string seat_status;  ///< Of the seat now, whosever it is.
  int32_t seat_version = 0; ///< Likewise.
  int64_t fence = 0;        ///< The token that this reservation got for the seat.
};
struct reservation_view {
  reservation_id id;
  std::string number, status, payment_status, payment_method;
  bool has_payment_method = false;
  won total;
  instant created_at, expires_at;
  event_id event;
  std::string event_title, venue, address;
  bool has_address = false;
  instant event_date;
  std::vector<reservation_item_view> items;
  bool event_cancelled = false;
  cancellation_policy cancellation;
};
/// What came with a user's own rows: tokens issued up to `revoked_before` are worthless (C1), as
/// are those of a user who is gone. Read in the same statement, so it costs nothing and is never
/// older.
struct token_standing {
  bool user_known = false;
  instant revoked_before;
};
/// All reservations of a user, newest first. A pending one past its expiry is shown as `expired`.
struct list_reservations {
  user_id user;
};
struct reservation_list {
  token_standing tokens;
  std::vector<reservation_view> rows;
};
/// One reservation of that user; not found when it is somebody else's.
struct read_reservation {
  user_id user;
  reservation_id id;
};
struct found_reservation_view {
  token_standing tokens;
  bool found = false;
  reservation_view row;
};

// -- tickets ------------------------------------------------------------------------------------

struct ticket_view {
  ticket_id id;
  std::string number, status; ///< `valid`, `used`, `transferred`, `cancelled`.
  reservation_id reservation;
  event_id event;
  std::string event_title, venue;
  instant event_date;
  bool has_seat = false, has_type = false;
  std::string seat_label, type_name;
  won price;
  instant used_at; ///< Epoch = never.
};
/// A page of a user's tickets, newest first.
struct list_tickets {
  user_id user;
  int64_t limit = 20, offset = 0;
};
struct ticket_page {
  token_standing tokens;
  std::vector<ticket_view> rows;
  int64_t total = 0;
};
/// A ticket, whoever has it.
struct find_ticket {
  ticket_id id;
  user_id asked_by; ///< Whose `tokens` come with it.
};
struct found_ticket {
  token_standing tokens;
  bool found = false;
  ticket_view row;
};

// -- payments -----------------------------------------------------------------------------------

struct payment_view {
  payment_id id;
  std::string order_id, status, type;
  std::optional<std::string> payment_key, method, provider_status, reference;
  won amount;
  instant approved_at; ///< Epoch = not approved.
  instant created_at, updated_at;
  reservation_id reservation; ///< Nil = of something else.
  user_id user;
};
/// One payment, by its order or, when that is empty, by the provider's key; whosever it is.
/// `asker` is whose tokens are told.
struct find_payment {
  user_id asker;
  std::string order_id, payment_key;
};
struct found_payment {
  token_standing tokens;
  bool found = false;
  payment_view row;
};
/// A user's payments, newest first.
struct list_payments {
  user_id user;
  int32_t limit = 10, offset = 0;
};
struct payment_page {
  token_standing tokens;
  std::vector<payment_view> rows;
  int64_t total = 0;
};

/// What a user's idempotency key was used for (C4). Reservations keep theirs in their own rows.
struct find_key {
  user_id user;
  std::string operation, key;
};
struct found_key {
  token_standing tokens;
  bool found = false;
  std::string digest;
  effect_id effect;
};

/// Is the database there? Answers within the statement timeout.
struct ping_store {};
struct store_alive {
  instant ledger_time;
};

} // namespace tk

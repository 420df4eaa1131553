#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/time.hpp"

/// What staff look for among payments and bookings (G19).
namespace tk {

/// So many of the newest rows of the wanted time are looked through; what is older needs a time of
/// its own. Nobody reads more pages, and a page costs the same however much was ever sold.
inline constexpr int32_t staff_looked_through_max = 50'000;

/// What lists have in common. Epoch: no bound.
struct staff_page {
  instant from, before; ///< Made in [from, before).
  std::string search;   ///< `q`; empty: none.
  int32_t page = 1, limit = 20;
};

// -- payments -------------------------------------------------------------------------------------

struct find_payments {
  staff_page of;
  std::string status, method, provider, error_code; ///< Empty: any.
};

struct staff_payment {
  payment_id id;
  std::string order_id, status, type;
  std::optional<std::string> payment_key, method, provider_status;
  std::string provider, attempt_status, error_code; ///< Of the last attempt; empty: there is none.
  won amount, refunded;
  std::optional<std::string> refund_reason;
  user_id user;
  std::optional<std::string> user_name, user_email; ///< None: the person is gone.
  reservation_id reservation;                       ///< Nil: of none.
  std::string reservation_number;
  event_id event;
  std::string event_title;
  instant created_at, updated_at, approved_at, refunded_at; ///< Epoch: not yet.
};

struct payments_found {
  std::vector<staff_payment> rows;
  int64_t total = 0;
  bool complete = true; ///< There is no older row that was not looked at.
};

/// One payment with all that happened to it.
struct look_at_payment {
  payment_id id;
};

struct staff_attempt {
  attempt_id id;
  std::string provider, method, status, error;
  won amount;
  instant started_at, closed_at, next_ask_at;
};
struct staff_refund {
  refund_id id;
  attempt_id attempt;
  won amount, fee;
  std::string reason, status, error;
  int32_t tries = 0;
  instant made_at, next_try_at, done_at;
};
struct staff_settled {
  std::string provider, settled_on; ///< A business day.
  won amount, refunded, fee;
};
struct staff_call {
  instant at;
  int32_t took_ms = 0;
  std::string provider, call, outcome, code, says;
  std::optional<std::string> subject;
  std::optional<won> amount;
};

/// So many calls of one order are told, the newest ones.
inline constexpr int32_t staff_calls_max = 500;

struct payment_told {
  bool found = false;
  staff_payment row;
  std::vector<staff_attempt> attempts; ///< Oldest first, as are the others.
  std::vector<staff_refund> refunds;
  std::vector<staff_settled> settled;
  std::vector<staff_call> calls;
};

// -- the days -------------------------------------------------------------------------------------

/// Business days (D36), both included.
struct summarise_payments {
  instant from, before; ///< Midnights.
};

/// So much of one kind on one day.
struct payment_sum {
  std::string day, what; ///< `what`: confirmed, refunded, late, settled, or `failed`.
  std::string code;      ///< Of those that failed.
  int64_t count = 0;
  won amount, refunded, fee; ///< Refunds and fees of what is settled; the fee kept of refunds.
};
struct payments_summed {
  std::vector<payment_sum> rows; ///< By day, then by kind and code.
};

// -- reservations ---------------------------------------------------------------------------------

struct find_bookings {
  staff_page of;
  std::string status; ///< Empty: any.
  event_id event;     ///< Nil: any.
};

struct staff_booking {
  reservation_id id;
  user_id user;
  std::optional<std::string> user_name, user_email;
  std::string number, status, payment_status;
  won total;
  instant created_at, event_date;
  event_id event;
  std::string event_title, venue;
};

struct bookings_found {
  std::vector<staff_booking> rows;
  int64_t total = 0;
  bool complete = true;
};

} // namespace tk

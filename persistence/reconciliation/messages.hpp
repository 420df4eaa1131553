#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/time.hpp"

/// What a reconciliation reads and writes: money that is to be looked at, and operator cases (G18).
namespace tk {

using reconciliation_id = id<struct reconciliation_tag>;

// -- cases ----------------------------------------------------------------------------------------

enum class case_kind : uint8_t {
  paid_incomplete = 1, ///< The provider took money and nothing is sold for it (yet).
  payment_unresolved,  ///< Nobody has known for long what became of a payment.
  refund_failed,       ///< The provider did not take a refund five times.
  provider_difference, ///< The provider says another thing of what is decided here.
  row_mismatch         ///< Rows contradict each other: seats, stock, money.
};
constexpr size_t case_kinds = static_cast<size_t>(case_kind::row_mismatch);
std::string_view to_string(case_kind x);

/// What was found. It is the same case for as long as kind and subject are.
struct found_case {
  case_kind kind = case_kind::row_mismatch;
  std::string subject;        ///< `attempt <uuid>`, or a rule of the audit and its row.
  reservation_id reservation; ///< Nil: of none.
  payment_id payment;
  attempt_id attempt;
  std::string says, against; ///< Two things that cannot both be true.
  std::string next_step;
  int32_t attempts = 0; ///< To repair it, so far.
  bool operator==(const found_case&) const = default;
};

// -- money ----------------------------------------------------------------------------------------

/// Why an attempt is looked at.
enum class money_why : uint8_t {
  live = 1, ///< Nobody knows what became of it, for longer than is usual.
  refund,   ///< Its refund has failed five times.
  failed,   ///< Not taken, as far as is known; its checkout asks again in the next hours.
  booked,   ///< It moved money since the last reconciliation.
  differed  ///< The provider said another thing before: a case is open.
};

/// An attempt to pay and what became of it.
struct money_row {
  attempt_id attempt;
  payment_id payment;
  reservation_id reservation;
  std::string order_id, provider, status;
  won amount;
  instant started_at;
  refund_id refund; ///< Nil: none.
  won refund_amount;
  bool refund_done = false;
  int32_t refund_tries = 0;
  std::string refund_error;
  money_why why = money_why::live;
  bool operator==(const money_row&) const = default;
};

// -- on demand ----------------------------------------------------------------------------------

/// Asks for a run now. The same id again is the same run.
struct reconcile_now {
  reconciliation_id id;
  std::string by; ///< Never empty.
};

// -- a run ----------------------------------------------------------------------------------------

/// Begins a run, unless one is under way or none is due: at most one at a time, on all nodes.
struct begin_reconciliation {
  reconciliation_id id;
  node_id node;
  std::string by;    ///< Who asked for it; empty: it is done only when it is due.
  millis every{};    ///< What is due is that long after the last one.
  millis open_for{}; ///< A live attempt older than that is looked at.
};
enum class run_begin : uint8_t {
  ours = 1,
  under_way, ///< `id` is another one's.
  not_due,
  done ///< This very one was done before.
};
struct reconcile_begun {
  run_begin is = run_begin::under_way;
  reconciliation_id id; ///< Of the run that is under way, or is done.
};
struct reconciliation_begun {
  run_begin is = run_begin::not_due;
  reconciliation_id id;
  int64_t from = 0, to = 0;  ///< Entries of the books to ask about: (from, to].
  bool compare_rows = false; ///< Rows were not compared for long enough.
  instant began_at;
  std::vector<money_row> rows;
};

/// The same attempt again: has it changed since?
struct find_money {
  attempt_id attempt;
};
struct money_found {
  std::vector<money_row> rows; ///< One, or none.
};

/// Says that the run goes on. It has ended when somebody took it for dead.
struct touch_reconciliation {
  reconciliation_id id;
};
struct reconciliation_goes_on {
  bool still = false;
};

/// Puts a case on record. One that a person has closed stays closed while it says the same.
struct open_case {
  found_case what;
};
/// Has the checkout of a failed attempt ask the provider now, and not when its turn comes.
struct ask_again {
  attempt_id attempt;
};
struct asked_again {
  bool changed = false; ///< Else it is due already, or there is nothing to ask.
};

/// A case of this attempt is none any more.
struct close_case {
  case_kind kind = case_kind::provider_difference;
  std::string subject;
};
struct case_noted {
  bool changed = false; ///< It is new, or just closed.
};

/// Compares rows with each other by the rules of the audit and puts what contradicts on record; a
/// mismatch that is none any more is closed.
struct compare_rows {
  instant began_at;
};
struct rows_compared {
  bool whole = false; ///< All rules were asked; else `why`.
  std::string why;
  int64_t rules = 0, broken = 0, opened = 0, closed = 0;
  millis took{};
};

/// Ends a run.
struct end_reconciliation {
  reconciliation_id id;
  int64_t asked_to = 0; ///< Entries of the books up to this one were asked about.
  bool compared = false;
  millis compare_took{};
  std::string result; ///< JSON.
};
struct reconciliation_ended {};

/// Closes cases whose repair has succeeded, and tells how many are open. Cheap: it looks at open
/// cases only.
struct look_at_cases {
  millis alert_after{};
};
struct overdue_case {
  std::string id, kind, subject;
  instant detected_at;
};
struct cases_seen {
  std::vector<int64_t> open, overdue; ///< By kind.
  int64_t closed = 0;                 ///< Just now.
  std::vector<overdue_case> alerts;   ///< Open for too long since the last look.
};

} // namespace tk

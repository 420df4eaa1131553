#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/request_key.hpp"
#include "actors/base/time.hpp"
#include "persistence/ledger/ticket_ops.hpp"

/// The ledger's ops about money, and the keys of requests that move it. Each locks its reservation
/// first, or its listing or membership when it is `of` one, whose id stands for the reservation's
/// then: that lock guards the payments, attempts and refunds of it. Every definite outcome writes
/// its books rows in the same op (H-06).
namespace tk {

/// A seat or a quantity of a reservation; exactly one of `seat` and `type` is set.
struct release_item {
  seat_id seat;
  ticket_type_id type;
  int32_t quantity = 1;
  participant block;
};

/// So many orders of one reservation may fail.
constexpr int32_t orders_per_hold_max = 3;

/// Opens an order for a pending reservation, or finds the open one (`replayed`). Every buyer of a
/// listing has an order of their own; of others `user` says who pays.
struct open_payment {
  payment_id id;
  std::string order_id; ///< `ORD_<epoch ms>_<8 upper hex>`.
  reservation_id reservation;
  participant checkout;
  request_id request;
  payment_subject of = payment_subject::reservation;
  user_id user = {}; ///< Of a reservation nobody: the row says whose it is.
};

/// Pins the reservation and puts a try to pay on record, before the provider hears of it. Nothing
/// is pinned that has ended by ledger time. What pins a listing or a membership is the row itself:
/// a subject has one live attempt.
struct begin_attempt {
  attempt_id id;
  payment_id payment;
  reservation_id reservation;
  won amount;
  std::string provider, payment_key, method;
  participant checkout;
  participant block; ///< The lead block; of a listing or a membership the checkout once more.
  payment_subject of = payment_subject::reservation;
};

struct sold_item {
  seat_id seat;
  ticket_type_id type;
  int32_t quantity = 1;
  int64_t fence = 0; ///< A seat's token, as the hold has it.
  participant block;
  std::vector<new_ticket> tickets; ///< One per unit; see `number_tickets`.
};

/// Sells what the attempt pins. Fence, pin, amount and completeness are checked in the statement
/// that sells, which also makes the tickets. Item 0 belongs to the lead block. A membership and a
/// listing have no items: the one begins its year; of the other the reservation changes hands, its
/// tickets are void and `tickets` are their buyer's, one for each.
struct complete_payment {
  attempt_id attempt;
  payment_id payment;
  reservation_id reservation;
  won amount;          ///< What the provider says was paid.
  instant approved_at; ///< By the provider.
  participant checkout;
  std::vector<sold_item> items;
  request_id request;
  payment_subject of = payment_subject::reservation;
  reservation_id listed = {}; ///< Of a listing: the reservation.
  std::vector<new_ticket> tickets = {};
};

/// How an attempt ended without a sale.
enum class attempt_end : uint8_t {
  declined = 1, ///< The provider refused.
  voided,       ///< Nothing definite in time: cancelled at the provider.
  untried       ///< The provider was never asked; the order stays open.
};

/// Ends an attempt that moved no money, and its pin. An overdue hold is the lead block's to free.
struct fail_attempt {
  attempt_id attempt;
  payment_id payment;
  reservation_id reservation;
  attempt_end how = attempt_end::declined;
  std::string error;
  participant checkout;
  participant block; ///< As it began.
  payment_subject of = payment_subject::reservation;
};

/// The provider was asked about a failed attempt for the `asked`-th time; still nothing captured.
struct note_asked {
  attempt_id attempt;
  reservation_id reservation;
  int32_t asked = 0;
  participant checkout;
  payment_subject of = payment_subject::reservation;
};

/// Money was captured for what cannot be sold (any more): it goes back, from a durable row.
struct claim_refund {
  refund_id id;
  attempt_id attempt;
  reservation_id reservation;
  std::string reason;
  participant checkout;
  payment_subject of = payment_subject::reservation;
};

/// Ends a confirmed reservation, voids its tickets, gives everything back and puts the refund on
/// record. Whoever has been let in with one of them gets no money back by asking for it (`used`).
/// What has been bought of its first owner only the house takes back, and pays for what it cost.
/// `moved`: the event's terms are others by now; `late`: they were worse from `until` on.
struct cancel_paid {
  refund_id refund;
  reservation_id reservation;
  user_id actor; ///< Nil = the system.
  std::string reason;
  participant checkout;
  std::vector<release_item> items; ///< Item 0 belongs to the lead block.
  request_id request;
  won fee = {};       ///< Kept; the rest goes back.
  int64_t terms = -1; ///< `events.terms_version` that this was decided by; -1 = it does not matter.
  instant until = {}; ///< From then on the terms are others, by ledger time; the epoch = never.
};

/// What the provider answered about a refund: done, or to be tried again after `retry_after_s`.
struct settle_refund {
  refund_id refund;
  reservation_id reservation;
  bool done = false;
  std::string error;
  int32_t retry_after_s = 0;
  participant checkout;
  payment_subject of = payment_subject::reservation;
};

/// Puts on record what a user's key is used for, before that is done. Needs no owner: the row
/// decides. `ok`: the key names `effect` now; `replayed`: it names another one, which the verdict
/// tells; `conflict`: it was used for something else; `not_pending`: there is no such user.
struct claim_key {
  user_id user;
  std::string operation, key, digest; ///< As in `request_key`.
  effect_id effect;
  effect_id instead_of; ///< The one it names, of which nothing came; nil = none.
};

} // namespace tk

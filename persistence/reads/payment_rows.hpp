#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/base/ids.hpp"
#include "actors/base/money.hpp"
#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

/// What a checkout loads: everything that was decided about the money of one reservation, or of a
/// listing or a membership, whose id stands for the reservation's then.
namespace tk {

enum class order_status : uint8_t { pending = 1, confirmed, failed, refund_pending, refunded };
enum class attempt_status : uint8_t { live = 1, approved, declined, voided, untried, late };

struct order_row {
  payment_id id;
  std::string order_id, payment_key, method;
  won amount;
  order_status status = order_status::pending;
  instant approved_at;
  user_id user = {}; ///< Who pays.
};

struct attempt_row {
  attempt_id id;
  payment_id payment;
  std::string provider, payment_key, method;
  won amount;
  attempt_status status = attempt_status::live;
  int32_t asked = 0;
  instant started_at, closed_at;
  instant next_ask_at; ///< Epoch = never again.
};

struct refund_row {
  refund_id id;
  attempt_id attempt;
  won amount;
  bool done = false;
  int32_t tries = 0;
  instant next_try_at;
};

/// A checkout's start. A provider asks nobody for epochs: who takes money must not have read rows
/// that a later owner of its shard has written, so the rows say whether `self` is the owner still.
struct load_checkout {
  reservation_id reservation;
  participant self;
  payment_subject of = payment_subject::reservation;
  user_id asker = {}; ///< Who wants to pay for a listing.
};

/// How a listing or a membership stands. Others than its checkout change it: it is read anew for
/// every request.
struct subject_row {
  bool open = false;     ///< It may be paid for.
  bool member = false;   ///< The asker is a member of whom the artist of a listing asks for.
  payment_id paid_by;    ///< The order that it was completed by; nil = none, or another year's.
  reservation_id listed; ///< What changes hands with a listing.
  int32_t units = 0;     ///< Tickets of it.
};

struct checkout_rows {
  bool known = false;  ///< There is such a subject.
  bool fenced = false; ///< The shard had another epoch when they were read.
  user_id user;        ///< Whose it is: of a listing the seller.
  event_id event;
  int32_t lead_block = 0;
  won total;
  std::vector<order_row> orders;     ///< Oldest first, as are the others.
  std::vector<attempt_row> attempts; ///< All of its orders.
  std::vector<refund_row> refunds;
  payment_subject of = payment_subject::reservation;
  subject_row subject; ///< Unless it is a reservation.
  attempt_id pin;      ///< Of a sold reservation: the attempt by which its owner has it.
  bool resold = false; ///< A reservation whose owner has bought it of another one.
};

/// Checkouts whose money waits for something that is due: an attempt without outcome, a refund, a
/// failed attempt to be asked about again. Oldest first.
struct find_open_checkouts {
  int32_t limit = 1000;
};
struct open_checkouts {
  std::vector<entity_key> rows;
};

} // namespace tk

#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <caf/test/unit_test.hpp>

#include "actors/base/ids.hpp"
#include "tests/integration/ledger_contract.hpp"

/// What the cases of the ledger's contract share. To be included after CAF_SUITE is defined.
namespace tk::test {

/// A world with a user and an event on sale, and how ops are judged in it.
struct world_fixture {
  static constexpr uint16_t session_shard = 11, event_shard = 12, block_shard = 13,
                            far_block_shard = 14, checkout_shard = 15;

  std::unique_ptr<ledger_world> world = make_ledger_world();
  user_id user = fresh<user_id>();
  event_id event = fresh<event_id>();
  request_id request = fresh<request_id>();

  world_fixture() {
    world->add_user(user);
    open_event(world->now() + std::chrono::hours{1});
  }

  template <class Id> Id fresh() { return make_id<Id>(world->random()); }

  participant at(uint16_t shard) { return {shard, world->epoch_of(shard)}; }
  void take_over(uint16_t shard) { world->set_epoch(shard, world->epoch_of(shard) + 1); }

  /// Puts `event` on sale.
  void open_event(instant until = instant::max()) {
    world->add_event({event, false, world->now() - std::chrono::hours{1}, until});
  }

  batch_result run(std::vector<op> ops) {
    batch b;
    b.ops.reserve(ops.size());
    for (auto& x : ops) b.ops.push_back(std::make_shared<const op>(std::move(x)));
    return world->executor().execute(b);
  }

  /// Executes a batch that must commit.
  std::vector<verdict> judge(std::vector<op> ops) {
    const auto count = ops.size();
    auto result = run(std::move(ops));
    if (result.is != batch_status::committed)
      CAF_FAIL(to_string(result.is) << ": " << result.error);
    CAF_REQUIRE_EQUAL(result.verdicts.size(), count);
    return result.verdicts;
  }

  /// Executes a batch whose ops must end as `expected`.
  std::vector<verdict> judged(std::vector<op> ops, const std::vector<outcome>& expected) {
    auto out = judge(std::move(ops));
    CAF_REQUIRE_EQUAL(expected.size(), out.size());
    for (size_t i = 0; i < expected.size(); ++i)
      if (out[i].is != expected[i])
        CAF_ERROR("op " << i << ": " << std::string{to_string(out[i].is)} << " instead of "
                        << std::string{to_string(expected[i])});
    return out;
  }

  void ends(op x, outcome expected) {
    std::vector<op> ops;
    ops.push_back(std::move(x));
    judged(std::move(ops), {expected});
  }

  void does(op x) { ends(std::move(x), outcome::ok); }

  /// Judges one op that must be refused with `expected` and leave every row alone.
  void refused(op x, outcome expected) {
    const auto before = world->counts();
    ends(std::move(x), expected);
    CAF_CHECK(world->counts() == before);
  }
};

/// Builders of reservations and sessions; everything is valid until a case spoils it.
struct order_fixture : world_fixture {
  seat_id seat(int32_t block_no = 3) {
    const auto x = fresh<seat_id>();
    world->add_seat({x, event, block_no, 7, 40, won{110'000}});
    return x;
  }

  ticket_type_id type(int32_t available) {
    const auto x = fresh<ticket_type_id>();
    world->add_type({x, event, available, 100});
    return x;
  }

  create_item of(seat_id x) { return {x, {}, 7, 41, 1, won{110'000}, at(block_shard), 3}; }
  create_item of(ticket_type_id x, int32_t quantity) {
    return {{}, x, 0, 0, quantity, won{50'000}, at(block_shard), 0};
  }

  create_reservation wish(std::vector<create_item> items) {
    create_reservation x;
    x.id = fresh<reservation_id>();
    x.user = user;
    x.event = event;
    x.number = "TK" + to_string(x.id);
    for (const auto& y : items) x.total += y.price * y.quantity;
    x.operation = "seats.reserve";
    x.digest = "digest";
    x.deadline = world->now() + std::chrono::minutes{1};
    x.session = at(session_shard);
    x.event_owner = at(event_shard);
    x.items = std::move(items);
    x.request = request;
    return x;
  }

  /// A wish that came true.
  create_reservation hold(std::vector<create_item> items) {
    auto x = wish(std::move(items));
    does(x);
    return x;
  }

  /// The cancel of a reservation by its user.
  release_reservation giving_back(const create_reservation& x) {
    release_reservation y;
    y.id = x.id;
    y.actor = user;
    y.request = request;
    for (const auto& z : x.items) y.items.push_back({z.seat, z.type, z.quantity, z.block});
    return y;
  }

  /// Its end by time, which nobody asked for.
  release_reservation expiry_of(const create_reservation& x) {
    auto y = giving_back(x);
    y.reason = release_reason::expired;
    y.actor = {};
    return y;
  }

  void free_still(seat_id x) {
    const auto row = world->seat(x);
    CAF_REQUIRE(row.has_value());
    CAF_CHECK_EQUAL(row->status, 'a');
    CAF_CHECK(row->reservation.nil());
  }

  bool has_status(reservation_id x, reservation_status expected) {
    const auto row = world->reservation(x);
    return row && row->status == expected;
  }

  std::string fresh_hash() { return to_string(fresh<family_id>()) + to_string(fresh<family_id>()); }

  open_family family() {
    open_family x;
    x.user = user;
    x.family = fresh<family_id>();
    x.token_hash = fresh_hash();
    x.session = at(session_shard);
    return x;
  }

  revoke_tokens ending() {
    revoke_tokens x;
    x.user = user;
    x.session = at(session_shard);
    return x;
  }
};

/// A held reservation of one seat and two standing tickets, and the ops about its money.
struct payment_fixture : order_fixture {
  using story = std::vector<std::pair<std::string, std::string>>;
  using sums = std::map<std::string, int64_t>;

  seat_id held_seat = seat();
  ticket_type_id held_type = type(10);
  create_reservation order = hold(wanted());
  int tickets_made = 0;

  /// The items of the reservation as they are while nobody has held the seat before.
  std::vector<create_item> wanted() { return {of(held_seat), of(held_type, 2)}; }

  /// Holds the same again after it was given back.
  void hold_again() {
    auto items = wanted();
    items[0].version = world->seat(held_seat)->version;
    items[0].fence = world->seat(held_seat)->fence + 1;
    order = hold(std::move(items));
  }

  open_payment opening() {
    open_payment x;
    x.id = fresh<payment_id>();
    x.order_id = "ORD_1_" + to_string(x.id);
    x.reservation = order.id;
    x.checkout = at(checkout_shard);
    x.request = request;
    return x;
  }

  begin_attempt beginning(payment_id payment) {
    begin_attempt x;
    x.id = fresh<attempt_id>();
    x.payment = payment;
    x.reservation = order.id;
    x.amount = order.total;
    x.provider = "mock";
    x.payment_key = "key-" + to_string(x.id);
    x.method = "toss";
    x.checkout = at(checkout_shard);
    x.block = at(block_shard);
    return x;
  }

  complete_payment completing(const begin_attempt& x) {
    complete_payment y;
    y.attempt = x.id;
    y.payment = x.payment;
    y.reservation = x.reservation;
    y.amount = x.amount;
    y.approved_at = world->now();
    y.checkout = at(checkout_shard);
    y.items.push_back({held_seat, {}, 1, order.items[0].fence, at(block_shard), {ticket()}});
    y.items.push_back({{}, held_type, 2, 0, at(block_shard), {ticket(), ticket()}});
    y.request = request;
    return y;
  }

  /// The numbers of one reservation's tickets rise.
  new_ticket ticket() {
    auto id = fresh<ticket_id>();
    return {id, "T-" + std::to_string(++tickets_made) + "-" + to_string(id).substr(23)};
  }

  fail_attempt failing(const begin_attempt& x, attempt_end how = attempt_end::declined) {
    fail_attempt y;
    y.attempt = x.id;
    y.payment = x.payment;
    y.reservation = x.reservation;
    y.how = how;
    y.error = "REJECT_CARD";
    y.checkout = at(checkout_shard);
    y.block = at(block_shard);
    return y;
  }

  claim_refund claiming(const begin_attempt& x) {
    return {fresh<refund_id>(), x.id, x.reservation, "captured too late", at(checkout_shard)};
  }

  cancel_paid cancelling() {
    cancel_paid x;
    x.refund = fresh<refund_id>();
    x.reservation = order.id;
    x.actor = user;
    x.reason = "user-request";
    x.checkout = at(checkout_shard);
    x.items.push_back({held_seat, {}, 1, at(block_shard)});
    x.items.push_back({{}, held_type, 2, at(block_shard)});
    x.request = request;
    return x;
  }

  settle_refund settling(refund_id x, bool done) {
    return {x, order.id, done, done ? "" : "TIMEOUT", done ? 0 : 60, at(checkout_shard)};
  }

  void expire() { world->set_expiry(order.id, world->now() - std::chrono::seconds{1}); }

  payment_id open() {
    const auto x = opening();
    does(x);
    return x.id;
  }

  begin_attempt pinned() {
    auto x = beginning(open());
    does(x);
    return x;
  }

  begin_attempt sold() {
    auto x = pinned();
    does(completing(x));
    return x;
  }

  reservation_status status() { return world->reservation(order.id)->status; }
  bool is_pinned() { return world->reservation(order.id)->pinned; }
  std::string order_status(payment_id x) { return world->payment(x)->status; }

  story past() {
    story out;
    for (const auto& x : world->history(order.id)) out.emplace_back(x.from, x.to);
    return out;
  }
};

} // namespace tk::test

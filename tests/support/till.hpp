#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "actors/checkout/port.hpp"
#include "gateways/payment/gateway.hpp"
#include "gateways/payment/mock_core.hpp"
#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/model_actors.hpp"
#include "tests/support/node_rig.hpp"

/// A node where things are paid for. Sessions, blocks, checkout and region are real, so are the
/// ledger actor and the gateway; the database is the model, the provider the mock's core behind an
/// actor that can be told to wait. What must hold in the end is folded from the rows and from the
/// provider's own books, by nobody who decided anything.
namespace tk::rig {

using namespace std::chrono_literals;

/// What the provider does with an approval it was kept from answering.
enum class manner : uint8_t { approves, declines, loses_answer };

struct provider_stage {
  mock_provider core{mock_settings{}};
  const wall_clock* clock = nullptr;
  bool holding = false;
  bool away = false; ///< It cannot be reached.
  manner how = manner::approves;
  std::vector<std::pair<approve_payment, caf::typed_response_promise<payment_approval>>> held;
  int refusals = 0; ///< Refunds to be refused.
};

using played_provider = payment_actor::extend<caf::reacts_to<atom::tick>>;

inline payment_approval approve(provider_stage& st, approve_payment x) {
  if (st.away || x.payment_key.starts_with("away-")) {
    payment_approval out;
    out.is = approval_outcome::not_asked;
    out.error = ec::provider_away;
    return out;
  }
  if (st.how == manner::declines) x.payment_key = "fail-" + x.payment_key;
  auto made = st.core.approve(x, st.clock->now());
  return st.how == manner::loses_answer && made.is == approval_outcome::approved
           ? payment_approval{}
           : made;
}

inline played_provider::behavior_type play_provider(played_provider::pointer self,
                                                    provider_stage* st) {
  return {
    [=](atom::tick) {
      st->holding = false;
      for (auto& [what, reply] : std::exchange(st->held, {})) {
        auto made = approve(*st, what);
        if (reply.pending()) reply.deliver(made); // Else its asker is gone; the money is not.
      }
      st->how = manner::approves;
    },
    [=](const approve_payment& x) -> caf::result<payment_approval> {
      st->core.hear_of(x.order_id, st->clock->now());
      if (!st->holding) return approve(*st, x);
      auto reply = self->make_response_promise<payment_approval>();
      st->held.emplace_back(x, reply);
      return reply;
    },
    [=](const query_payment& x) { return st->core.query(x, st->clock->now()); },
    [=](const void_payment& x) { return st->core.void_order(x, st->clock->now()); },
    [=](const refund_payment& x) {
      if (st->refusals-- > 0) return payment_refund{refund_outcome::refused, ec::ok, {}, "X", ""};
      return st->core.refund(x, st->clock->now());
    },
  };
}

inline const user_id alice = user_no(1), bob = user_no(2);

struct till : node_rig {
  ledger_model model{from_ms(1'800'000'000'000)};
  std::vector<ledger_driver_actor> drivers;
  provider_stage bank;
  payment_probe probe;
  played_provider provider;
  std::vector<answer_ptr<payment_reply>> payments;
  std::vector<answer_ptr<release_reply>> cancels;
  reservation_id id;
  std::string order_id;
  /// While set, nothing waits for what was begun before it: only a few messages are delivered after
  /// each happening.
  std::optional<seeded_entropy> hurry;
  std::string request_key; ///< With which everything is asked from now on; empty = none (C4).

  till() {
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    for (size_t i = 0; i < lane_count; ++i) drivers.push_back(spawn_model_driver(sys, model));
    node.ledger = spawn_ledger(sys, ledger_config{}, drivers, st.clock);
    node.reads = spawn_model_reads(sys, model);
    bank.clock = &st.clock;
    provider = sys.spawn(play_provider, &bank);
    node.payment_provider = node.instant_provider = "mock";
    open_bank();
    auto& rows = model.rows;
    rows.events[event_no(1)] = st.rows.events.at(event_no(1));
    for (int32_t b = 0; b < 2; ++b)
      for (uint64_t n = 1; n <= 2; ++n) {
        auto& seat = rows.seats[seat_no(b, n)];
        seat.event = event_no(1);
        seat.block_no = b;
        seat.price = won{50'000};
      }
    for (auto& x : {alice, bob}) rows.users[x] = instant{};
    open_sale();
  }
  ~till() {
    stop(caf::actor_cast<caf::actor>(node.payments));
    stop(caf::actor_cast<caf::actor>(provider));
    for (auto& x : drivers) stop(caf::actor_cast<caf::actor>(x));
    bank.held.clear();
  }

  void open_bank() {
    payment_gateway_config config;
    config.breaker.window = 1000; // What a breaker does is its own tests' business.
    node.payments =
      spawn_payment_gateway(sys, config, caf::actor_cast<payment_actor>(provider), st.clock, probe);
  }

  void run() {
    if (!hurry) return node_rig::run();
    for (auto left = hurry->next() % 24; left > 0 && sched.try_run_once(); --left) {
      // nop
    }
  }

  // -- what happens -----------------------------------------------------------------------------

  void hold_and_prepare(const std::vector<wanted_item>& items) {
    auto held = reserve(alice, items);
    CAF_REQUIRE(held->value.is == ec::ok);
    id = held->value.id;
    auto opened = request<checkout_actor>(key_of(id), prepare_payment{alice, {}, {}});
    CAF_REQUIRE(opened->value.is == ec::ok);
    order_id = opened->value.order_id;
  }
  [[nodiscard]] won price() const { return model.rows.reservations.at(id).row.total; }

  void confirm(const char* key = "key") {
    pay(confirm_payment{alice, order_id, key, price(), 10s, {}}, key);
  }
  void process(const char* method = "naver_pay") {
    pay(process_payment{alice, method, 10s, {}}, method);
  }
  /// The key as whoever asks finds it on record; nothing when it was used for something else.
  [[nodiscard]] std::optional<tk::request_key> look_up(const std::string& operation,
                                                       const std::string& payload) const {
    tk::request_key out{operation, request_key, payload + to_string(id), {}};
    auto found = model.rows.request_keys.find({alice, operation, request_key});
    if (found == model.rows.request_keys.end()) return out;
    if (found->second.digest != out.digest) return std::nullopt;
    out.effect = found->second.effect;
    return out;
  }
  /// Asks the checkout as the ingress does.
  template <class Message> void pay(Message what, const std::string& payload) {
    auto to = key_of(id);
    if (request_key.empty()) {
      payments.push_back(send<checkout_actor>(to, std::move(what), 20s));
    } else if (auto key = look_up(typeid(Message).name(), payload)) {
      payments.push_back(send<checkout_actor>(to, once<Message>{std::move(what), *key}, 20s));
    } else {
      auto refused = std::make_shared<answer<payment_reply>>();
      refused->count = 1;
      refused->value.is = ec::idempotency_conflict;
      payments.push_back(refused);
    }
    run();
  }
  void give_up() {
    cancel_reservation what{id, now(), {}};
    auto session = key_of(alice);
    auto key = look_up("cancel", "");
    cancels.push_back(request_key.empty()
                        ? send<session_actor>(session, what)
                        : send<session_actor>(session, once<cancel_reservation>{what, *key}));
    run();
  }
  void answer_late() {
    caf::anon_send(caf::actor_cast<caf::actor>(provider), atom::tick_v);
    run();
  }

  /// Time passes for the database, too.
  void later(millis total, millis step) {
    for (millis done{0}; done < total; done += step) {
      st.clock.at += step;
      model.set_now(now());
      sched.advance_time(step);
      run();
    }
  }
  /// What the node's supervisor does every few seconds.
  void sweep() {
    for (auto& x : model.read(find_open_checkouts{}).rows) send<checkout_actor>(x, wake_checkout{});
    for (auto& x : model.read(find_live_blocks{}).rows)
      send<seat_block_actor>(key_of(x.event, x.lead_block), wake_block{});
    run();
  }

  /// The node is replaced: its entities and its calls to the provider are gone, its epochs too.
  void replace_node() {
    kill(caf::actor_cast<caf::actor>(node.payments));
    kill(caf::actor_cast<caf::actor>(provider)); // Its money and what it has under way stay.
    for (auto& x : bank.held) x.second = {};
    provider = sys.spawn(play_provider, &bank);
    open_bank();
    for (size_t i = 0; i < model.rows.epochs.size(); ++i)
      node.epochs.epochs[i] = ++model.rows.epochs[i];
    caf::anon_send(node.region, atom::thaw_v, true);
    run();
    send<event_actor>(key_of(event_no(1)), describe_event{});
    run();
    sweep();
  }
  void kill(const caf::actor& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }

  /// Another node has taken the reservation's checkout over, and has begun to pay it.
  void begin_elsewhere() {
    ++model.rows.epochs[shard_of(key_of(id))];
    auto& attempt = model.rows.attempts[attempt_id{0xa, 1}];
    attempt.payment = model.rows.payments.begin()->first;
    attempt.reservation = id;
    attempt.key = "key";
    attempt.status = "live";
    attempt.amount = price();
    attempt.started_at = now();
    model.rows.reservations.at(id).row.pinned = true;
    model.rows.reservations.at(id).pin = attempt_id{0xa, 1};
  }

  /// Everything that is due within two days.
  void rest() {
    hurry.reset();
    answer_late();
    for (auto& [total, step] : std::array<std::pair<millis, millis>, 4>{
           {{20s, 500ms}, {1400s, 20s}, {3h, 5min}, {26h, 30min}}}) {
      for (millis done{0}; done < total; done += step) {
        later(step, step);
        sweep();
      }
    }
  }

  // -- what must hold ---------------------------------------------------------------------------

  [[nodiscard]] bool sold() const {
    return model.rows.reservations.at(id).row.status == reservation_status::confirmed;
  }
  /// The first thing that does not add up; empty when all does.
  [[nodiscard]] std::string wrong() const {
    auto& rows = model.rows;
    auto& reservation = rows.reservations.at(id);
    auto books = bank.core.books();
    auto kept = books.captured().amount - books.refunded().amount;
    auto due = sold() ? price().amount : 0;
    if (kept != due) return sold() ? "a ticket and not its price" : "money and no ticket";
    if (reservation.row.status == reservation_status::pending) return "still pending";
    for (auto& item : reservation.row.items) {
      if (item.seat.nil()) continue;
      auto& seat = rows.seats.at(item.seat);
      bool has = seat.status == 'r' && seat.reservation == id;
      if (has != sold()) return "a seat is not what its reservation is";
      if (!sold() && seat.status != 'a') return "a seat is locked for ever";
    }
    if (!sold() && reservation.row.pinned && rows.attempts.at(reservation.pin).status != "approved")
      return "a pin without end";
    auto valid = std::ranges::count_if(rows.tickets, [&](auto& x) {
      return x.second.reservation == id && x.second.status == "valid";
    });
    int64_t units = 0;
    for (auto& item : reservation.row.items) units += item.quantity;
    if (valid != (sold() ? units : 0)) return "tickets that are not what was sold";
    return wrong_books(due);
  }
  [[nodiscard]] std::string wrong_books(int64_t due) const {
    auto& rows = model.rows;
    std::map<std::string, int64_t> sums;
    for (auto& x : rows.books) sums[x.account] += x.amount.amount;
    if (sums["owed"] != 0) return "something is owed for ever";
    if (sums["provider"] != due || sums["sales"] != -due) return "the books do not say so";
    for (auto& [no, x] : rows.attempts)
      if (x.status == "live") return "an attempt without end";
    for (auto& [no, x] : rows.refunds)
      if (!x.done) return "a refund that was not carried out";
    for (auto& [no, x] : rows.payments)
      if (x.status == "refund_pending" || x.status == "pending") return "an order without end";
    auto confirmed =
      std::ranges::count_if(rows.payments, [](auto& x) { return x.second.status == "confirmed"; });
    return confirmed == (sold() ? 1 : 0) ? "" : "orders and sale disagree";
  }
  /// Everybody was told once, and nobody was told of a sale that was not.
  [[nodiscard]] std::string wrong_answers() const {
    bool told_ok = false;
    for (auto& x : payments) {
      if (x->count != 1) return "a payer heard " + std::to_string(x->count) + " answers";
      told_ok = told_ok || (x->error == ec::ok && x->value.is == ec::ok);
    }
    bool cancelled = false;
    for (auto& x : cancels) {
      if (x->count != 1) return "a canceller heard " + std::to_string(x->count) + " answers";
      cancelled = cancelled || (x->error == ec::ok && x->value.is == ec::ok);
    }
    auto& row = model.rows.reservations.at(id).row;
    if (cancelled && sold()) return "cancelled and sold";
    if (told_ok && !sold() && row.status != reservation_status::cancelled)
      return "told of a sale that was not";
    return {};
  }
};

} // namespace tk::rig

#define CAF_SUITE checkout

// One reservation, everything that can happen to it, in every order: two confirmations, a
// cancellation, its end, a provider that answers late, a node that is replaced. Sessions, blocks,
// checkout and region are real, so are the ledger actor and the gateway; the database is the model,
// the provider the mock's core behind an actor that can be told to wait. What must hold in the end
// is folded from the rows and from the provider's own books, by nobody who decided anything.

#include <algorithm>
#include <array>
#include <optional>

#include "actors/checkout/port.hpp"
#include "gateways/payment/gateway.hpp"
#include "gateways/payment/mock_core.hpp"
#include "persistence/ledger/actor.hpp"
#include "persistence/ledger/model_actors.hpp"
#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::rig;
using namespace std::chrono_literals;

namespace {

/// What the provider does with an approval it was kept from answering.
enum class manner : uint8_t { approves, declines, loses_answer };

struct provider_stage {
  mock_provider core{mock_settings{}};
  const wall_clock* clock = nullptr;
  bool holding = false;
  manner how = manner::approves;
  std::vector<std::pair<approve_payment, caf::typed_response_promise<payment_approval>>> held;
  int refusals = 0; ///< Refunds to be refused.
};

using played_provider = payment_actor::extend<caf::reacts_to<atom::tick>>;

payment_approval approve(provider_stage& st, approve_payment x) {
  if (st.how == manner::declines) x.payment_key = "fail-" + x.payment_key;
  auto made = st.core.approve(x, st.clock->now());
  return st.how == manner::loses_answer && made.is == approval_outcome::approved
           ? payment_approval{}
           : made;
}

played_provider::behavior_type play_provider(played_provider::pointer self, provider_stage* st) {
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

const user_id alice = user_no(1), bob = user_no(2);

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

  till() {
    stop(caf::actor_cast<caf::actor>(node.ledger));
    stop(caf::actor_cast<caf::actor>(node.reads));
    for (size_t i = 0; i < lane_count; ++i) drivers.push_back(spawn_model_driver(sys, model));
    node.ledger = spawn_ledger(sys, ledger_config{}, drivers, st.clock);
    node.reads = spawn_model_reads(sys, model);
    bank.clock = &st.clock;
    provider = sys.spawn(play_provider, &bank);
    node.payment_provider = "mock";
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
    confirm_payment what{alice, order_id, key, price(), 10s, {}};
    pay(std::move(what));
  }
  void process(const char* method = "naver_pay") { pay(process_payment{alice, method, 10s, {}}); }
  template <class Message> void pay(Message what) {
    payments.push_back(send<checkout_actor>(key_of(id), std::move(what), 20s));
    run();
  }
  void give_up() {
    cancels.push_back(send<session_actor>(key_of(alice), cancel_reservation{id, now(), {}}));
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
    for (auto& x : model.read(find_open_checkouts{}).rows)
      send<checkout_actor>(key_of(x), wake_checkout{});
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

enum class happening : uint8_t { confirm, confirm_again, cancel, end, late_answer, replacement };

const char* name_of(happening x) {
  switch (x) {
  case happening::confirm: return "confirm ";
  case happening::confirm_again: return "again ";
  case happening::cancel: return "cancel ";
  case happening::end: return "end ";
  case happening::late_answer: return "answer ";
  case happening::replacement: return "replace ";
  }
  return "?";
}

/// One way to play all of them.
struct staging {
  manner how = manner::approves;
  const char* second_key = "key"; ///< Of the second confirmation.
  uint64_t haste = 0;             ///< Seed of how few messages are delivered in between; 0 = all.
};

void happens(till& x, happening what, const staging& play) {
  switch (what) {
  case happening::confirm: return x.confirm();
  case happening::confirm_again: return x.confirm(play.second_key);
  case happening::cancel: return x.give_up();
  case happening::end: x.later(301s, 7s); return x.sweep();
  case happening::late_answer: return x.answer_late();
  case happening::replacement: return x.replace_node();
  }
}

/// Every order of all happenings; what went wrong, and the first story in which it did.
std::map<std::string, std::string> all_orders(const staging& play, int& sales, int& returns) {
  std::array<happening, 6> order = {happening::confirm,     happening::confirm_again,
                                    happening::cancel,      happening::end,
                                    happening::late_answer, happening::replacement};
  std::map<std::string, std::string> wrong;
  do {
    till x;
    x.bank.holding = true;
    x.bank.how = play.how;
    x.hold_and_prepare({want(0, 1), want(1, 1)});
    std::string story;
    if (play.haste != 0) {
      story = "haste " + std::to_string(play.haste) + ": ";
      x.hurry.emplace(play.haste);
    }
    for (auto what : order) {
      story += name_of(what);
      happens(x, what, play);
    }
    x.rest();
    auto found = x.wrong();
    if (found.empty()) found = x.wrong_answers();
    if (!found.empty()) wrong.emplace(found, story);
    sales += x.sold();
    returns += !x.bank.core.books().refunds.empty();
  } while (std::ranges::next_permutation(order).found);
  return wrong;
}

void check_all_orders(const staging& play, bool sells) {
  int sales = 0, returns = 0;
  for (auto& [what, story] : all_orders(play, sales, returns)) CAF_ERROR(what << ": " << story);
  CAF_MESSAGE(sales << " sold, " << returns << " gave money back");
  CAF_CHECK((sales > 0) == sells);
}

} // namespace

CAF_TEST(every order of events ends with ticket or money when the provider approves late) {
  check_all_orders({manner::approves}, true);
}
CAF_TEST(every order of events ends with ticket or money when the provider declines late) {
  check_all_orders({manner::declines}, false);
}
CAF_TEST(every order of events ends with ticket or money when the answer is lost) {
  check_all_orders({manner::loses_answer}, true);
}
CAF_TEST(every order of events ends with ticket or money when the second payment is another one) {
  for (auto how : {manner::approves, manner::loses_answer}) check_all_orders({how, "other"}, true);
}
CAF_TEST(every order of events ends with ticket or money when nothing waits for what was begun) {
  for (uint64_t haste = 1; haste <= 10; ++haste)
    for (auto* second_key : {"key", "other"}) {
      check_all_orders({manner::approves, second_key, haste}, true);
      // Its second attempt, perhaps already on its way, is approved.
      check_all_orders({manner::declines, second_key, haste}, true);
      check_all_orders({manner::loses_answer, second_key, haste}, true);
    }
}

CAF_TEST_FIXTURE_SCOPE(payment_tests, till)

CAF_TEST(a confirmed payment sells the seats of every block) {
  hold_and_prepare({want(0, 1), want(1, 1)});
  confirm();
  CAF_REQUIRE(payments[0]->came());
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.payment_key == "key");
  later(500ms, 100ms); // Boards are told four times a second.
  CAF_CHECK(shown(0, 1) == 2);
  CAF_CHECK(shown(1, 1) == 2);
  CAF_CHECK(wrong() == "");
  confirm();
  CAF_CHECK(payments[1]->value.is == ec::already_paid);
  process();
  CAF_CHECK(payments[2]->value.is == ec::ok); // C18
  CAF_CHECK(payments[2]->value.repeated);
  CAF_CHECK(bank.core.books().captures.size() == 1);
}

CAF_TEST(C25 process takes the prepared order over) {
  hold_and_prepare({want(0, 1)});
  process("bank_transfer");
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.order_id == order_id);
  CAF_CHECK(payments[0]->value.method == "bank_transfer");
  CAF_CHECK(payments[0]->value.payment_key.starts_with("tk_"));
}

CAF_TEST(P56 what costs nothing is sold without the provider) {
  for (auto& [key, seat] : model.rows.seats) seat.price = won{0};
  hold_and_prepare({want(0, 1)});
  process();
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(sold());
  CAF_CHECK(bank.core.books().captures.empty());
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(H06 three declined orders and the hold ends as it would have) {
  hold_and_prepare({want(0, 1)});
  for (int i = 0; i < 3; ++i) {
    confirm(("fail-" + std::to_string(i)).c_str());
    CAF_CHECK(payments.back()->value.is == ec::payment_declined);
    auto next = request<checkout_actor>(key_of(id), prepare_payment{alice, {}, {}});
    CAF_CHECK(next->value.is == (i < 2 ? ec::ok : ec::payment_attempts));
    if (i < 2) {
      CAF_CHECK(next->value.order_id != order_id);
      order_id = next->value.order_id;
    }
  }
  later(301s, 1s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(a pinned hold does not end by time and an overdue one ends with its pin) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  bank.how = manner::declines;
  later(299s, 1s);
  confirm("fail");
  later(8s, 1s); // Past its end, within the provider's time.
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::pending);
  answer_late();
  later(500ms, 100ms);
  CAF_CHECK(payments[0]->value.is == ec::payment_declined);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  CAF_CHECK(shown(0, 1) == 0);
}

CAF_TEST(G02 no answer within ten seconds is pending and it is sold when it comes) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm();
  later(9s, 1s);
  CAF_CHECK(!payments[0]->came());
  later(2s, 100ms);
  CAF_CHECK(payments[0]->value.is == ec::payment_pending);
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::reservation_pinned);
  later(400s, 2s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::pending);
  answer_late();
  later(40s, 1s);
  CAF_CHECK(sold());
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(what the rows call due is done although the memory knows nothing of it) {
  hold_and_prepare({want(0, 1)});
  begin_attempt unheard;
  unheard.id = {0xa, 1};
  unheard.payment = model.rows.payments.begin()->first;
  unheard.reservation = id;
  unheard.amount = price();
  unheard.provider = unheard.method = "mock";
  unheard.payment_key = "key";
  unheard.checkout = node.epochs.of(key_of(id));
  unheard.block = node.epochs.of(key_of(event_no(1), 0));
  caf::anon_send(node.ledger, submit{std::make_shared<const op>(unheard), now() + 10s});
  run();
  CAF_REQUIRE(model.rows.reservations.at(id).row.pinned);
  CAF_REQUIRE_EQUAL(node.probe.checkouts_active.load(), 1);
  later(10s, 1s);
  sweep();
  later(10s, 1s);
  CAF_CHECK(sold());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(a payment that nobody decides is voided and its seats come back) {
  hold_and_prepare({want(0, 1)});
  bank.holding = true;
  confirm();
  later(950s, 5s);
  CAF_CHECK(model.rows.reservations.at(id).row.status == reservation_status::expired);
  rest(); // The late approval finds the order ended.
  CAF_CHECK(bank.core.books().captures.empty());
  CAF_CHECK(wrong() == "");
}

CAF_TEST(P40 a cancelled sale is refunded however often the provider refuses) {
  hold_and_prepare({want(0, 1), want(1, 1)});
  confirm();
  bank.refusals = 5;
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  CAF_CHECK(model.rows.reservations.at(id).payment_status == "refund_requested");
  later(500ms, 100ms);
  CAF_CHECK(shown(0, 1) == 0);
  CAF_CHECK(shown(1, 1) == 0);
  give_up();
  CAF_CHECK(cancels[1]->value.is == ec::already_cancelled);
  replace_node();
  for (int i = 0; i < 60; ++i) {
    later(2s, 500ms);
    sweep();
  }
  CAF_CHECK(model.rows.reservations.at(id).payment_status == "refunded");
  CAF_CHECK(bank.core.books().refunds.size() == 1);
  CAF_CHECK(wrong() == "");
  CAF_CHECK(reserve(bob, {want(0, 1)})->value.is == ec::ok); // And sold to somebody else.
}

CAF_TEST(R12 lost verdicts of every step change nothing) {
  for (auto fault : {model_fault::lose_after_commit, model_fault::lose_before_commit,
                     model_fault::lose_commit_later, model_fault::contended}) {
    for (int at = 0; at < 2; ++at) {
      till x;
      x.hold_and_prepare({want(0, 1), want(1, 1)});
      x.bank.holding = at == 1;
      if (at == 0) x.model.meet_next(fault); // The pin.
      x.confirm();
      if (at == 1) {
        x.model.meet_next(fault); // The sale.
        x.answer_late();
      }
      x.rest();
      CAF_CHECK(x.wrong() == "");
      CAF_CHECK(x.wrong_answers() == "");
      CAF_CHECK(x.sold());
    }
  }
}

CAF_TEST(standing tickets are sold and given back like seats) {
  constexpr ticket_type_id floor{0x7, 1}, balcony{0x7, 2};
  model.rows.types[floor] = {event_no(1), 5, 5, first_quota_block, won{30'000}};
  model.rows.types[balcony] = {event_no(1), 1, 1, first_quota_block + 1, won{20'000}};
  hold_and_prepare({{{}, first_quota_block, floor, 2}, {{}, first_quota_block + 1, balcony, 1}});
  confirm();
  CAF_CHECK(payments[0]->value.is == ec::ok);
  CAF_CHECK(payments[0]->value.amount == won{80'000});
  CAF_CHECK(model.rows.types.at(floor).available == 3);
  give_up();
  CAF_CHECK(cancels[0]->value.is == ec::ok);
  CAF_CHECK(model.rows.types.at(floor).available == 5);
  CAF_CHECK(model.rows.types.at(balcony).available == 1);
  later(1s, 100ms);
  // Both blocks know that their quantities are back.
  auto again =
    reserve(bob, {{{}, first_quota_block, floor, 3}, {{}, first_quota_block + 1, balcony, 1}});
  CAF_CHECK(again->value.is == ec::ok);
  rest();
  CAF_CHECK(wrong() == "");
}

CAF_TEST(somebody elses reservation cannot be paid or cancelled) {
  hold_and_prepare({want(0, 1)});
  auto opened = request<checkout_actor>(key_of(id), prepare_payment{bob, {}, {}});
  CAF_CHECK(opened->value.is == ec::access_denied);
  auto paid = request<checkout_actor>(key_of(id), process_payment{bob, "m", 10s, {}});
  CAF_CHECK(paid->value.is == ec::access_denied);
  auto ended = request<checkout_actor>(key_of(id), cancel_payment{bob, "", {}});
  CAF_CHECK(ended->value.is == ec::access_denied);
  auto nothing =
    request<checkout_actor>(key_of(reservation_id{9, 9}), prepare_payment{alice, {}, {}});
  CAF_CHECK(nothing->error == ec::reservation_unknown);
}

CAF_TEST(without a provider nothing that costs money can be paid) {
  hold_and_prepare({want(0, 1)});
  auto gateway = std::exchange(node.payments, nullptr);
  confirm();
  CAF_CHECK(payments[0]->value.is == ec::payment_method_unavailable);
  node.payments = gateway;
}

CAF_TEST_FIXTURE_SCOPE_END()

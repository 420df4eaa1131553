#include "tests/simulation/queue_crowd.hpp"

#include <algorithm>
#include <utility>

#include "actors/checkout/port.hpp"
#include "actors/session/port.hpp"
#include "http/api/entry.hpp"
#include "http/api/queue_desk.hpp"
#include "http/api/queue_views.hpp"
#include "tests/simulation/told.hpp"

namespace tk::sim {

namespace {

constexpr millis room_budget{5000}, sale_budget{8000}, payment_budget{12'000};
constexpr char secret[] = "a key of an ingress that is long enough for HS256";
/// So soon after its node starts an ingress tells rooms whom it has heard of.
constexpr millis desks_every{500};

constexpr uint32_t percent(uint32_t x) { return x * 10'000; }

millis seconds(int64_t x) { return millis{1000 * x}; }

} // namespace

queue_crowd::queue_crowd(world& where, oracle& sales, queue_judge& judge, gate_crowd& gate)
    : world_(where),
      sales_(sales),
      judge_(judge),
      gate_(gate),
      organiser_(where.seed, "organiser") {
  people_.reserve(static_cast<size_t>(where.plan.people));
  for (int32_t n = 0; n < where.plan.people; ++n) {
    people_.emplace_back(n, dice{where.seed, "person" + std::to_string(n)});
  }
}

queue_crowd::~queue_crowd() = default;

queue_crowd::desk_ptr queue_crowd::desk_of(host& at) {
  if (auto known = desks_[at.who].lock()) return known;
  auto out = std::make_shared<http::queue_desk>(at.node, http::queue_desk_settings{secret});
  desks_[at.who] = out;
  at.belongings.push_back(out);
  world_.start_part(at, [&] { return out->front.start(); });
  return out;
}

bool queue_crowd::all_ended() const {
  return std::ranges::all_of(people_, [](auto& x) { return x.is == phase::ended || x.gone; });
}

// -- the organiser --------------------------------------------------------------------------------

void queue_crowd::start() {
  auto& plan = world_.plan;
  pre_queue_ = plan.queue.opens_s > 0 && organiser_.chance(percent(75));
  if (pre_queue_)
    steer(queue_verb::set_pre_queue, 0, world_.time.now() + seconds(plan.queue.opens_s), true);
  if (organiser_.chance(percent(plan.queue.steered)))
    world_.time.after(organiser_.between(seconds(10), plan.length), [this] { interfere(); });
  open_desks();
  gate_.start();
  if (organiser_.chance(percent(plan.queue.follows)))
    steer(queue_verb::follow_inventory, 0, {}, true);
  if (organiser_.chance(percent(plan.queue.cleared)))
    world_.time.after(organiser_.between(seconds(10), plan.length),
                      [this] { steer(queue_verb::clear, 0, {}, true); });
  for (size_t n = 0; n < people_.size(); ++n) {
    if (!only.empty() && !only.contains(people_[n].no)) continue;
    auto& luck = people_[n].luck;
    auto opens = seconds(std::max(plan.queue.opens_s, 3));
    auto early = luck.chance(percent(65));
    auto when =
      early ? luck.between(seconds(2), opens) : opens + luck.between(millis{0}, plan.length / 2);
    world_.time.after(when, [=, this] { begin(n, world_.plan.visits - 1); });
  }
}

/// `again`: until it is done or refused.
void queue_crowd::steer(queue_verb verb, int32_t value, instant at, bool again) {
  ++waiting_;
  said_.insert(verb);
  if (verb == queue_verb::set_threshold) judge_.asks_for_threshold(value);
  if (verb == queue_verb::clear) judge_.asks_to_clear();
  world_.ask_at<waiting_room_actor>(
    world_.any_node(organiser_), room_key(sale_event), steer_queue{verb, value, at}, room_budget,
    [=, this](const answer<queue_report>& x) {
      --waiting_;
      auto is = x.is();
      if (!again || is == ec::ok || is == ec::queue_in_use) return;
      world_.time.after(millis{500}, [=, this] { steer(verb, value, at, true); });
    });
}

void queue_crowd::interfere() {
  if (!open_) return;
  auto usual = world_.plan.queue.threshold;
  if (organiser_.chance(500'000)) {
    steer(queue_verb::set_threshold, static_cast<int32_t>(organiser_.between(1, usual + 2)), {},
          false);
  } else {
    steer(queue_verb::pause, 0, {}, false);
    world_.time.after(organiser_.between(seconds(2), seconds(12)),
                      [this] { steer(queue_verb::resume, 0, {}, true); });
  }
  world_.time.after(organiser_.between(seconds(5), seconds(30)), [this] { interfere(); });
}

/// Every node has one, whether anybody comes to it or not.
void queue_crowd::open_desks() {
  for (int32_t n = 1; n <= world_.plan.nodes; ++n)
    if (auto at = world_.find(n)) desk_of(*at);
  world_.time.after(desks_every, [this] { open_desks(); });
}

void queue_crowd::close() {
  open_ = false;
  restarts_ = organiser_.chance(500'000);
  // Who has changed nothing asks for nothing: the room has to go on by itself.
  if (said_.contains(queue_verb::set_threshold))
    steer(queue_verb::set_threshold, world_.plan.queue.threshold, {}, true);
  if (said_.contains(queue_verb::pause))
    world_.time.after(seconds(15), [this] { steer(queue_verb::resume, 0, {}, true); });
  // Then everybody who waits for seats that never come back is let in all the same.
  if (said_.contains(queue_verb::follow_inventory))
    world_.time.after(seconds(90), [this] { steer(queue_verb::ignore_inventory, 0, {}, true); });
  gate_.close();
  look_at_the_line();
}

void queue_crowd::look_at_the_line() {
  judge_.look_at_the_line();
  constexpr int32_t all_passes_shown_s = 10;
  bool quiet = all_ended() && waiting() == 0 && !judge_.at_rest();
  quiet_s_ = quiet ? quiet_s_ + 1 : 0;
  if (restarts_ && quiet_s_ >= all_passes_shown_s) restart_nodes();
  world_.time.after(seconds(1), [this] { look_at_the_line(); });
}

/// All that anybody remembers is gone, and whoever would ask has gone home: what is on record of
/// them ends all the same.
void queue_crowd::restart_nodes() {
  restarts_ = false;
  for (int32_t n = 1; n <= world_.plan.nodes; ++n) world_.kill(n, millis{1000});
  world_.covered.count("rooms_left_asleep", 1);
}

// -- coming and going -----------------------------------------------------------------------------

void queue_crowd::begin(size_t who, int32_t left) {
  if (!open_) return;
  auto& p = people_[who];
  auto& likes = world_.plan.queue;
  ++visits_;
  p.left = left;
  ++p.visit;
  p.is = phase::coming;
  p.acted = p.gone = false;
  auto now = world_.time.now();
  auto some = [&] { return p.luck.between(seconds(1), seconds(40)); };
  p.leaves_at = p.luck.chance(percent(likes.leaves)) ? now + some() : instant::max();
  p.away_from = p.luck.chance(percent(likes.goes_away)) ? now + some() : instant::max();
  p.away_until = p.away_from;
  if (p.away_from != instant::max()) p.away_until += p.luck.between(seconds(3), seconds(90));
  if (p.luck.chance(percent(20))) p.away_until = instant::max();
  p.devices.clear();
  auto devices = p.luck.chance(percent(likes.two_devices)) ? 2 : 1;
  for (auto i = 0; i < devices; ++i) {
    device x;
    x.node = world_.any_node(p.luck);
    x.loyal = p.luck.chance(500'000);
    x.cookies = !p.luck.chance(percent(likes.without_cookies));
    p.devices.push_back(x);
  }
  // Somebody may come once more with a number that they have had a slot for.
  if (p.gate_number != 0 && p.luck.chance(percent(30))) return walk_up(who);
  gate_.come(p.luck, [=, this](uint32_t number) {
    people_[who].gate_number = number;
    judge_.has_number(user_of(people_[who].no), number);
    walk_up(who);
  });
}

/// To the room, with every device.
void queue_crowd::walk_up(size_t who) {
  ask(who, 0);
  if (people_[who].devices.size() > 1)
    ask_again(who, 1, people_[who].luck.between(millis{10}, seconds(15)));
}

void queue_crowd::end(size_t who) {
  auto& p = people_[who];
  for (auto& x : p.devices)
    if (!x.pass.empty())
      world_.time.after(p.luck.between(millis{100}, seconds(6)),
                        [this, pass = x.pass] { come_in(pass); });
  p.is = phase::ended;
  ++p.visit;
  if (p.left > 0 && open_)
    world_.time.after(p.luck.between(seconds(1), seconds(15)),
                      [=, this, left = p.left - 1] { begin(who, left); });
}

void queue_crowd::leave(size_t who, uint64_t visit) {
  auto& p = people_[who];
  if (p.visit != visit) return;
  ++waiting_;
  auto asked = world_.time.now();
  judge_.asks_to_leave(user_of(p.no));
  world_.ask_at<waiting_room_actor>(
    world_.any_node(p.luck), room_key(sale_event), leave_queue{user_of(p.no)}, room_budget,
    [=, this](const answer<queue_left>& x) {
      --waiting_;
      if (people_[who].visit != visit) return;
      if (x.is() == ec::ok) {
        // Another device may have asked for a place meanwhile.
        if (people_[who].devices.size() == 1) judge_.heard_left(user_of(people_[who].no), asked);
        return end(who);
      }
      world_.time.after(people_[who].luck.between(millis{300}, seconds(3)),
                        [=, this] { leave(who, visit); });
    });
}

// -- asking ---------------------------------------------------------------------------------------

void queue_crowd::ask_again(size_t who, size_t which, millis after) {
  world_.time.after(after, [=, this, visit = people_[who].visit] {
    if (people_[who].visit == visit) ask(who, which);
  });
}

/// Mostly the same one, as a balancer would have it.
int32_t queue_crowd::node_for(device& x, dice& luck) {
  constexpr uint32_t restless = 10;
  bool moves = luck.chance(percent(restless)) && !x.loyal;
  if (moves || world_.find(x.node) == nullptr) x.node = world_.any_node(luck);
  return x.node;
}

void queue_crowd::ask(size_t who, size_t which) {
  auto& p = people_[who];
  auto now = world_.time.now();
  if (now >= p.away_from && now < p.away_until) { // The laptop is closed.
    p.gone = p.away_until == instant::max();
    if (p.gone) return;
    return ask_again(who, which, p.away_until - now);
  }
  if (p.is == phase::waiting && now >= p.leaves_at) {
    p.leaves_at = instant::max();
    return leave(who, p.visit);
  }
  auto& d = p.devices[which];
  poll q{who, which, p.visit, {node_for(d, p.luck), 0}, {}, now};
  auto at = world_.find(q.at.node);
  if (at == nullptr || now < at->paused_until) // Nobody answers there.
    return ask_again(who, which, p.luck.between(millis{200}, seconds(2)));
  q.at = at->who;
  auto desk = desk_of(*at);
  if (auto shown = desk->tickets.open(d.ticket, sale_event, user_of(p.no))) q.shown = *shown;
  if (auto seen = desk->front.look(sale_event, q.shown)) {
    world_.covered.count("queue_told_by_boards", 1);
    return on_answer(q, http::told_by(*seen->board, seen->ahead, q.shown), seen->board->epoch,
                     true);
  }
  ask_room(q, p.is == phase::coming || (p.is == phase::waiting && p.luck.chance(percent(20))),
           desk);
}

void queue_crowd::ask_room(const poll& q, bool join, const desk_ptr& desk) {
  auto user = user_of(people_[q.who].no);
  if (join) judge_.asks_to_join(user);
  ++waiting_;
  check_queue what{user, people_[q.who].gate_number, q.shown, join};
  world_.ask_at<waiting_room_actor>(
    q.at.node, room_key(sale_event), what, room_budget,
    [=, this, keep = std::weak_ptr{desk}](const answer<queue_reply>& x) {
      --waiting_;
      auto desk_now = keep.lock();
      if (x.is() != ec::ok || !desk_now) {
        if (is_over(q)) return;
        auto& luck = people_[q.who].luck;
        if (luck.chance(percent(30))) people_[q.who].devices[q.which].node = world_.any_node(luck);
        return ask_again(q.who, q.which, luck.between(millis{300}, seconds(2)));
      }
      desk_now->front.note(sale_event, x.value.ticket.epoch, x.value.version);
      if (!is_over(q) && x.value.state == queue_state::active) {
        auto at = world_.find(q.at.node);
        auto now = at == nullptr ? world_.time.now() : at->clock.now();
        people_[q.who].devices[q.which].pass =
          http::pass_for(*desk_now, sale_event, user, x.value, now);
      }
      on_answer(q, x.value, x.value.ticket.epoch, false);
    });
}

void queue_crowd::on_answer(const poll& q, const queue_reply& r, int64_t epoch, bool from_board) {
  auto& p = people_[q.who];
  judge_.heard({user_of(p.no), q.at, q.asked, q.shown, epoch, from_board, r});
  if (is_over(q)) return;
  switch (r.state) {
  case queue_state::queued:
  case queue_state::pre_queue: return on_waiting(q, r);
  case queue_state::active: return on_inside(q, r);
  case queue_state::absent: break;
  }
  // The slot has ended, or the place was lost to silence: then they begin anew.
  if (p.is == phase::inside || !open_) return end(q.who);
  p.is = phase::coming;
  ask_again(q.who, q.which, p.luck.between(millis{50}, seconds(1)));
}

void queue_crowd::on_waiting(const poll& q, const queue_reply& r) {
  auto& p = people_[q.who];
  auto& d = p.devices[q.which];
  p.is = phase::waiting;
  if (d.cookies && r.ticket != q.shown) {
    auto at = world_.find(q.at.node);
    if (at != nullptr) d.ticket = desk_of(*at)->tickets.sign(sale_event, user_of(p.no), r.ticket);
  }
  auto left = r.draw.opens_at - world_.time.now();
  auto poll_s = r.state == queue_state::pre_queue
                  ? pre_queue_poll_s(left, r.ticket.place.number, r.waiting)
                  : next_poll_s(r.ahead + 1);
  ask_again(q.who, q.which, seconds(poll_s) + p.luck.between(millis{0}, millis{700}));
}

void queue_crowd::on_inside(const poll& q, const queue_reply&) {
  auto& p = people_[q.who];
  p.is = phase::inside;
  p.devices[q.which].ticket.clear();
  if (!std::exchange(p.acted, true)) {
    p.leaves_at = instant::max();
    act(q);
  }
  if (!p.gone && !is_over(q)) ask_again(q.who, q.which, seconds(3));
}

// -- inside ---------------------------------------------------------------------------------------

void queue_crowd::act(const poll& q) {
  auto& p = people_[q.who];
  auto soon = p.luck.between(millis{100}, seconds(6));
  switch (p.luck.below(10)) {
  case 0:
  case 1: return world_.time.after(soon, [=, this] { leave(q.who, q.visit); });
  case 2: return; // Asks and asks, until the slot is over.
  case 3: p.gone = true; return;
  default: world_.time.after(soon, [=, this] { buy(q); });
  }
}

/// With a pass, at the door of whichever node they meet. Null when nobody is there, or refuses it.
host* queue_crowd::come_in(const std::string& pass) {
  auto at = world_.find(world_.any_node(organiser_));
  if (at == nullptr || world_.time.now() < at->paused_until) return nullptr;
  auto claims = http::let_in(pass, secret, at->boards, at->clock.now());
  if (!claims) {
    world_.covered.count("passes_refused", 1);
    return nullptr;
  }
  auto board = at->boards.find_room(sale_event);
  judge_.entered(claims->user, claims->generation, claims->admission, board.get());
  return at;
}

void queue_crowd::buy(const poll& q) {
  if (is_over(q)) return;
  auto& p = people_[q.who];
  auto at = come_in(p.devices[q.which].pass);
  if (at == nullptr) return;
  reserve_items what;
  what.event = sale_event;
  auto block = static_cast<int32_t>(p.luck.below(static_cast<uint64_t>(world_.plan.blocks)));
  auto seat = static_cast<int32_t>(p.luck.zipf(static_cast<uint64_t>(world_.plan.seats_per_block)));
  what.items = {{seat_of(block, seat + 1), block}};
  what.digest = std::to_string(block) + "/" + std::to_string(seat);
  what.token_issued_at = world_.time.now();
  auto user = user_of(p.no);
  auto asked = world_.time.now();
  sales_.asked(user, what.digest, what.items);
  ++waiting_;
  world_.ask_at<session_actor>(
    at->who.node, key_of(user), what, sale_budget, [=, this](const answer<hold_reply>& x) {
      --waiting_;
      sales_.heard(told_of(user, what, asked, world_.time.now(), x));
      auto lets_go = percent(world_.plan.queue.lets_go);
      if (x.is() == ec::ok && lets_go > 0 && people_[q.who].luck.chance(lets_go)) return;
      if (x.is() == ec::ok) return pay(q, x.value.id, x.value.total);
      auto again = people_[q.who].luck.between(millis{500}, seconds(5));
      world_.time.after(again, [=, this] { // Another seat, or nothing at all.
        if (people_[q.who].luck.chance(700'000)) buy(q);
        else leave(q.who, q.visit);
      });
    });
}

void queue_crowd::hear(told_wish_to_pay x, ec is) {
  x.answered = world_.time.now();
  x.is = is;
  sales_.heard_wish_to_pay(x);
}

void queue_crowd::pay(const poll& q, reservation_id id, won price) {
  ++waiting_;
  auto& p = people_[q.who];
  auto now = world_.time.now();
  told_wish_to_pay told{user_of(p.no), id, "", {}, price, now, now};
  sales_.asked_to_pay(told);
  auto then = [=, this](const answer<payment_reply>& x) {
    --waiting_;
    hear(told, x.is());
    if (x.is() == ec::ok) confirm(q, id, price, x.value.order_id);
  };
  world_.ask_at<checkout_actor>(world_.any_node(p.luck), key_of(id),
                                prepare_payment{user_of(p.no), price, {}}, sale_budget, then);
}

void queue_crowd::confirm(const poll& q, reservation_id id, won price, const std::string& order) {
  ++waiting_;
  auto& p = people_[q.who];
  auto user = user_of(p.no);
  auto asked = world_.time.now();
  confirm_payment what{user,  order,          "opening-" + std::to_string(++keys_),
                       price, millis{10'000}, {}};
  told_wish_to_pay told{user, id, what.payment_key, {}, price, asked, asked};
  sales_.asked_to_pay(told);
  world_.ask_at<checkout_actor>(
    world_.any_node(p.luck), key_of(id), what, payment_budget,
    [=, this](const answer<payment_reply>& x) {
      --waiting_;
      hear(told, x.is());
      sales_.heard_payment({{id, x.is(), asked, world_.time.now()}, user, {}, x.value.payment});
    });
}

} // namespace tk::sim

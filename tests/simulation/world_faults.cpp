#include <algorithm>
#include <utility>

#include "actors/registry.hpp"
#include "tests/simulation/world.hpp"

/// What goes wrong in a world by itself.
namespace tk::sim {

namespace {

/// Where nothing goes wrong, what operators wish has come true by then.
constexpr millis patience_of_operators{15'000};
/// Whoever keeps processes running starts one anew.
constexpr millis restart_after{1'000};

} // namespace

void world::tick() {
  // A slow node gets a fifth of its time.
  for (auto& [no, x] : hosts_)
    if (time.now() < x->slow_until)
      x->paused_until = std::max(x->paused_until, time.now() + tick_every * 4 / 5);
  if (!healing_) go_wrong();
  if (steps_ != 0) spread_boards();
  look_at_owners();
  time.after(tick_every, [this] { tick(); });
}

void world::look_at_owners() {
  std::vector<std::pair<int32_t, const epoch_table*>> nodes;
  nodes.reserve(hosts_.size());
  for (auto& [no, x] : hosts_) nodes.emplace_back(no, &x->node.epochs);
  if (auto news = owners.look(time.now(), nodes); !news.empty()) tell(news);
}

bool world::happens(const char* kind, bool drawn) {
  if (!drawn) return false;
  auto name = std::string{kind} + "@" + std::to_string(to_ms(time.now()) - to_ms(start_));
  if (left_out.contains(name)) return false;
  happened_.push_back(std::move(name));
  return true;
}

/// Every tick has a stream of its own and draws the same from it whatever happens: what is left out
/// moves nothing else.
void world::go_wrong() {
  dice d{seed, "trouble" + std::to_string(++ticks_)};
  auto one = node_drawn(d);
  auto away = d.between(1, std::max(1, plan.nodes - 1));
  auto other = static_cast<int32_t>((one - 1 + away) % plan.nodes) + 1;
  auto stands_for = d.between(millis{500}, millis{12'000});
  auto jumps_by = d.between(-int64_t{faults.skew_max_ms}, int64_t{faults.skew_max_ms});
  auto cut_for = d.between(millis{300}, millis{10'000});
  bool both_ways = d.chance(500'000);
  auto whose = d.chance(300'000) ? 0 : one;
  auto away_for = d.between(millis{200}, millis{8'000});
  auto slow_for = d.between(millis{3'000}, millis{15'000});
  auto draw = [&](const char* kind, uint32_t fault_mix::*rate) {
    if (!happens(kind, d.chance(faults.*rate))) return false;
    faults.note(rate);
    return true;
  };
  if (draw("kill", &fault_mix::kill_ppm)) kill(one);
  if (draw("pause", &fault_mix::pause_ppm)) pause(one, stands_for);
  if (draw("jump", &fault_mix::jump_ppm)) {
    if (auto x = find(one); x != nullptr) x->clock.skew_ms += jumps_by;
  }
  if (draw("cut", &fault_mix::cut_ppm)) {
    tell("no way from node " + std::to_string(one) + " to " + std::to_string(other));
    net.cut(one, other, cut_for);
    if (both_ways) net.cut(other, one, cut_for);
  }
  if (draw("slow-node", &fault_mix::slow_node_ppm)) {
    tell("node " + std::to_string(one) + " is slow");
    if (auto x = find(one); x != nullptr) x->slow_until = time.now() + slow_for;
  }
  if (draw("swizzle", &fault_mix::swizzle_ppm)) swizzle(d);
  if (draw("database-away", &fault_mix::away_ppm)) {
    tell("no database for node " + std::to_string(whose));
    db.cut(whose, away_for);
  }
  if (draw("fail-over", &fault_mix::failover_ppm)) fail_over(d);
  auto early_by = d.between(millis{20}, millis{3'000});
  if (draw("early-timers", &fault_mix::early_timers_ppm)) {
    // The timers' clock runs ahead of all others, so that what is due soon is due now.
    tell("timers are early by " + std::to_string(early_by.count()) + " ms");
    jobs_.advance_time(early_by);
  }
  auto deaf_for = d.between(millis{20'000}, millis{80'000});
  auto room = plan.queue.any() ? node_of_room() : 0;
  auto heard = time.now() >= unheard_.until;
  if (heard && room != 0 && room != one && draw("deaf-room", &fault_mix::deaf_room_ppm)) {
    unheard_ = {one, 0, time.now() + deaf_for};
    // Only who looks at it right after it has moved sees whether it knows whom it does not hear.
    if (d.chance(500'000))
      time.after(d.between(millis{1'000}, millis{10'000}), [this] {
        if (!healing_) kill(node_of_room());
      });
  }
  stay_unheard();
  auto key = key_drawn(d);
  if (plan.moves && draw("moves", &fault_mix::moves_ppm)) move(shard_of(key), other);
  interfere(one, shard_of(key));
  if (told) told->go_wrong(ticks_);
}

/// What people do with the nodes, while everything else goes on.
void world::interfere(int32_t node, uint16_t shard) {
  dice d{seed, "people at work" + std::to_string(ticks_)};
  auto least = moved_only_ ? patience_of_operators : millis{500};
  auto length = d.between(least, least + (moved_only_ ? millis{2'000} : millis{15'000}));
  if (happens("operators", d.chance(faults.wishes_ppm))) {
    faults.note(&fault_mix::wishes_ppm);
    wish(d, node, shard, length);
  }
  if (happens("older-release", d.chance(faults.older_ppm))) {
    faults.note(&fault_mix::older_ppm);
    tell("node " + std::to_string(node) + " is of the release before");
    net.age(node, length);
  }
  if (happens("odd-shards", d.chance(faults.odd_ppm)) && find(node) != nullptr) {
    faults.note(&fault_mix::odd_ppm);
    start_odd(node, length);
  }
}

/// Somebody installs a build there that counts shards otherwise, and it is started until the
/// mistake is found. Its part of the work is the others' meanwhile.
void world::start_odd(int32_t node, millis length) {
  odd_until_[node] = time.now() + length;
  kill(node, restart_after);
}

bool world::is_refused(int32_t node) {
  auto i = odd_until_.find(node);
  auto odd = i != odd_until_.end() && time.now() < i->second && !healing_;
  if (db.admits(odd ? shard_count / 2 : shard_count)) return false;
  tell("node " + std::to_string(node) + " counts shards otherwise and is refused");
  time.after(restart_after, [=, this] { boot(node); });
  return true;
}

/// Operators say what they want, some of it twice, and take it back some time later.
void world::wish(dice& d, int32_t node, uint16_t shard, millis length) {
  auto later = [&](auto end) {
    time.after(length, [=, this] {
      if (!healing_) end();
    });
  };
  auto of = std::to_string(node);
  switch (d.below(3)) {
  case 0: {
    auto drained = db.drained();
    drained.insert(node);
    if (std::cmp_greater_equal(drained.size(), plan.nodes)) return; // The last one is refused.
    tell("an operator drains node " + of);
    if (!db.drained().contains(node)) drained_at_[node] = time.now();
    db.drain(node, true);
    return later([=, this, at = drained_at_[node]] {
      bool since_then = db.drained().contains(node) && drained_at_[node] == at;
      auto left = std::ranges::count(db.owners(), node);
      miss("node " + of + ", which is drained, has " + std::to_string(left) + " shards", length,
           left == 0 || !since_then);
      tell("an operator undrains node " + of);
      db.drain(node, false);
    });
  }
  case 1:
    tell("an operator pins shard " + std::to_string(shard) + " to node " + of);
    db.pin(shard, node);
    return later([=, this] {
      miss("shard " + std::to_string(shard) + " is not at node " + of + ", to which it is pinned",
           length,
           db.owners().at(shard) == node || db.pinned(shard) != node ||
             db.drained().contains(node) || time.now() - moved_at_[shard] < patience_of_operators);
      db.pin(shard, 0);
    });
  default:
    tell("an operator has shards evened out");
    db.even_out(wish_id{1, ticks_});
    return later([=, this, is = db.even_wish()] {
      miss("shards are not evened out", length, db.even_wish() != is || !db.drained().empty());
    });
  }
}

/// L2: what operators wish comes true, where nothing goes wrong.
void world::miss(const std::string& what, millis waited, bool came_true) {
  if (!moved_only_ || came_true || waited < patience_of_operators || !refused_.empty()) return;
  refused_ = "L2: after " + std::to_string(waited.count()) + " ms " + what;
}

/// What a room does not hear of it does not hear of at its next node, either.
void world::stay_unheard() {
  auto& x = unheard_;
  auto room = time.now() < x.until ? node_of_room() : 0;
  if (room == 0 || room == x.room || room == x.ingress) return;
  x.room = room;
  tell("the room at node " + std::to_string(room) + " hears nothing of node " +
       std::to_string(x.ingress));
  net.lose_all(x.ingress, room, x.until - time.now());
}

/// Of somebody whom the sale needs.
entity_key world::key_drawn(dice& d) const {
  auto person = static_cast<int32_t>(d.below(static_cast<uint64_t>(plan.people)));
  auto block = static_cast<int32_t>(d.below(static_cast<uint64_t>(std::max(1, plan.blocks))));
  auto kind = d.below(10);
  if (kind < 5) return key_of(sale_event, block);
  if (kind < 8) return key_of(user_of(person));
  if (kind < 9) return key_of(sale_event);
  return plan.queue.any() ? room_key(sale_event) : key_of(sale_event, block);
}

/// Its owner gives it to `to`, if it can.
void world::move(uint16_t shard, int32_t to) {
  moved_at_[shard] = time.now();
  for (auto& [no, x] : hosts_) {
    if (no == to || x->node.epochs.epochs.at(shard).load() == 0) continue;
    tell("node " + std::to_string(no) + " is to give shard " + std::to_string(shard) + " to node " +
         std::to_string(to));
    caf::anon_send(x->parts.front(), move_shard{shard, id_of_node(to)});
  }
}

/// The database goes on elsewhere, perhaps without the last commits (F31). An operator looks at
/// what stopped and accepts the loss: every node is started anew, because its memory is of what is
/// gone.
void world::fail_over(dice d) {
  auto commits = static_cast<size_t>(d.below(4));
  tell("the database fails over without the last " + std::to_string(commits) + " commits");
  db.fail_over(commits);
  db.cut(0, d.between(millis{1'000}, millis{4'000}));
  if (commits == 0) return;
  time.after(d.between(millis{4'000}, millis{15'000}), [this] {
    tell("an operator accepts the loss");
    for (int32_t n = 1; n <= plan.nodes; ++n) kill(n, millis{1000});
  });
}

/// Paths stop one after the other and go on in another order.
void world::swizzle(dice d) {
  tell("paths stop one by one");
  std::vector<std::pair<int32_t, int32_t>> paths;
  for (int32_t a = 1; a <= plan.nodes; ++a)
    for (int32_t b = 1; b <= plan.nodes; ++b)
      if (a != b && d.chance(700'000)) paths.emplace_back(a, b);
  auto last = millis{0};
  for (auto path : paths) {
    last += d.between(millis{1}, millis{300});
    time.after(last, [=, this] {
      if (!healing_) net.clog(path.first, path.second);
    });
  }
  for (; !paths.empty(); paths.pop_back()) {
    std::swap(paths[d.below(paths.size())], paths.back());
    last += d.between(millis{1}, millis{1'500});
    time.after(last, [this, path = paths.back()] { net.unclog(path.first, path.second); });
  }
}

void world::lose(int32_t node) {
  gone_.insert(node);
  tell("node " + std::to_string(node) + " does not come back");
  kill(node);
}

/// Some blocks die with what they know, and whoever would ask for them has gone home.
void world::let_blocks_die() {
  if (faults.actor_dies_ppm == 0) return;
  dice d{seed, "last deaths"};
  for (auto& [no, x] : hosts_)
    for (int32_t b = 0; b < plan.blocks; ++b) {
      auto key = key_of(sale_event, b);
      if (!d.chance(400'000) || x->node.epochs.of(key).epoch == 0) continue;
      tell("block " + std::to_string(b) + " dies");
      faults.note(&fault_mix::actor_dies_ppm);
      caf::exit_msg end{x->node.region.address(), caf::exit_reason::unknown};
      auto until = x->node.clock->now() + millis{1000};
      caf::anon_send(x->node.region, envelope{key, until, caf::make_message(std::move(end))});
    }
}

void world::heal() {
  let_blocks_die();
  tell("all faults end");
  healing_ = true;
  bool bounded = faults.ledger_bound > 0;
  faults = {};
  db.heal();
  net.heal();
  money.faults = {};
  if (told) told->heal();
  std::vector<int32_t> narrow;
  for (auto& [no, x] : hosts_) {
    x->paused_until = std::min(x->paused_until, time.now()); // They remember that they stood.
    x->slow_until = {};
    if (bounded) narrow.push_back(no);
  }
  for (auto no : narrow) kill(no); // They come back with as much room as always.
}

} // namespace tk::sim

#include "tests/simulation/rehearsal.hpp"

#include <algorithm>

namespace tk::sim {

namespace {

/// The nodes start, find each other and share the shards before the sale opens.
constexpr millis warm_up{5'000};
constexpr millis every{1'000};
/// How long after a fault's end its effects are looked for.
constexpr millis after_effects{15'000};
/// As long as a payment may stay undecided, with room for refunds.
constexpr millis rest_max{1'500'000};

/// So long may somebody take who comes at the end: to find something, and to pay three times.
millis longest_visit(const evening& x) {
  constexpr int tries_to_pay = 3;
  return x.patience_max + x.clicks_max + tries_to_pay * (x.thinks_max + x.pays_max) + rest_max;
}

sale_plan plan_of(const evening& what) {
  sale_plan out;
  out.name = what.name;
  out.nodes = what.nodes;
  out.people = what.visitors;
  out.length = what.length;
  out.hold_s = what.hold_s;
  out.faults = false;
  return out;
}

fault_mix delays_of(const evening& what) {
  fault_mix out;
  out.wire_delay_max = what.network;
  out.database_delay_max = what.database;
  out.bank_delay_max = what.provider;
  return out;
}

void strike(world& w, const mishap& x) {
  w.tell(std::string{name_of(x.what)});
  auto reset = [&](uint32_t fault_mix::*field) {
    w.money.faults.*field = 1'000'000;
    w.time.after(x.length, [&w, field] { w.money.faults.*field = 0; });
  };
  switch (x.what) {
  case mishap::kind::node_dies: return w.kill(x.node, x.length);
  case mishap::kind::node_stops: return w.pause(x.node, x.length);
  case mishap::kind::node_cut_off:
    for (int32_t n = 1; n <= w.plan.nodes; ++n) {
      if (n == x.node) continue;
      w.net.cut(n, x.node, x.length);
      w.net.cut(x.node, n, x.length);
    }
    return;
  case mishap::kind::database_away: return w.db.cut(0, x.length);
  case mishap::kind::provider_away: return reset(&fault_mix::bank_away_ppm);
  case mishap::kind::provider_slow: return reset(&fault_mix::bank_slow_ppm);
  }
}

template <class Waits> spread spread_of(const Waits& waits) {
  std::vector<millis> all{waits.begin(), waits.end()};
  std::ranges::sort(all);
  spread out;
  out.count = all.size();
  if (all.empty()) return out;
  auto at = [&](size_t percent) { return all[(all.size() - 1) * percent / 100]; };
  out.half = at(50);
  out.most = at(90);
  out.nearly_all = at(99);
  out.longest = all.back();
  return out;
}

/// Refusals that say that somebody else has it.
bool means_taken(const std::string& reason) {
  for (auto x : {ec::seat_contested, ec::seat_held, ec::seat_sold, ec::quantity_short})
    if (reason == to_string(x)) return true;
  return false;
}

std::pair<uint64_t, uint64_t> refusals_so_far(const door_figures& x) {
  uint64_t taken = 0, failed = 0;
  for (auto& [reason, n] : x.refusals) (means_taken(reason) ? taken : failed) += n;
  return {taken, failed};
}

void take_sample(rehearsal& out, const world& w, const audience& people, millis at) {
  uint64_t taken = 0, failed = 0;
  for (auto& x : out.line) {
    taken += x.taken;
    failed += x.failed;
  }
  auto [all_taken, all_failed] = refusals_so_far(people.figures());
  sample x{at, count_tickets(w.db.model), people.present(), all_taken - taken, all_failed - failed};
  auto& t = x.tickets;
  if (t.sold + t.held + t.free != out.capacity && out.wrong.empty())
    out.wrong = "I3: sold, held and free are not the capacity";
  if (t.free == 0 && !out.nothing_free) out.nothing_free = at;
  if (t.free + t.held == 0 && !out.sold_out) out.sold_out = at;
  if (t.free + t.held > 0) out.sold_out.reset(); // Something came back.
  out.line.push_back(x);
}

void count_sections(rehearsal& out, const ledger_model& model) {
  std::vector<size_t> of_block, of_area;
  for (size_t i = 0; i < out.what.sections.size(); ++i) {
    auto& s = out.what.sections[i];
    out.sections.push_back(
      {s.name, s.quota > 0 ? s.quota : int64_t{s.blocks} * s.seats_per_block, 0, {}});
    of_block.insert(of_block.end(), static_cast<size_t>(s.blocks), i);
    if (s.quota > 0) of_area.push_back(i);
  }
  for (auto& [id, x] : model.rows.reservations) {
    if (x.row.status != reservation_status::confirmed) continue;
    for (auto& item : x.row.items) {
      auto quota = is_quota_block(item.block_no);
      auto no = static_cast<size_t>(quota ? item.block_no - first_quota_block : item.block_no);
      auto& s = out.sections[quota ? of_area[no] : of_block[no]];
      s.sold += item.quantity;
      s.revenue += item.price * item.quantity;
      out.revenue += item.price * item.quantity;
    }
  }
}

void count_guests(rehearsal& out, const audience& people) {
  std::vector<millis> held, bought;
  for (auto& g : people.guests()) {
    ++out.visitors;
    if (g->end) ++out.endings[*g->end];
    if (g->held) held.push_back(*g->held - g->came);
    if (g->paid) {
      bought.push_back(*g->paid - g->came);
      out.tickets_of_buyers += g->party;
    }
    if (g->refusals > 0) ++out.outrun_once;
  }
  out.until_held = spread_of(held);
  out.until_bought = spread_of(bought);
}

void count_requests(rehearsal& out, const world& w, const door_figures& x) {
  out.refusals = x.refusals;
  out.requests = x.requests;
  out.unanswered = x.unanswered;
  out.turned_away = x.turned_away.size();
  out.wishes_of_block = x.wishes_of_block;
  out.refusals_of_block = x.refusals_of_block;
  out.requests_of_node = x.requests_of_node;
  out.messages_of_node = w.handled();
  out.messages_of_node.erase(0);
  out.ops_of_node = w.db.ops_of_node();
  std::vector<millis> wishes, payments;
  wishes.reserve(x.wishes.size());
  for (auto& y : x.wishes) wishes.push_back(y.took);
  payments.reserve(x.payments.size());
  for (auto& y : x.payments) payments.push_back(y.took);
  out.wishes = spread_of(wishes);
  out.payments = spread_of(payments);
}

void count_faults(rehearsal& out, const door_figures& x, instant opening) {
  for (auto& f : out.what.faults) {
    aftermath y;
    y.what = f;
    auto from = opening + f.at, until = from + f.length + after_effects;
    auto in_time = [=](instant at) { return at >= from && at <= until; };
    y.unanswered = static_cast<uint64_t>(std::ranges::count_if(x.lost, in_time));
    y.turned_away = static_cast<uint64_t>(std::ranges::count_if(x.turned_away, in_time));
    for (auto& w : x.wishes)
      if (w.from <= until && w.from + w.took >= from)
        y.slowest_wish = std::max(y.slowest_wish, w.took);
    out.faults.push_back(y);
  }
}

/// What must add up, whatever happened.
std::string check_figures(const rehearsal& x) {
  auto& t = x.at_end;
  if (t.sold + t.held + t.free != x.capacity) return "sold, held and free are not the capacity";
  if (t.held != 0) return "something is still held";
  return {};
}

} // namespace

std::string rehearsal::name_of_block(int32_t block) const {
  auto area = block - first_quota_block;
  for (auto& s : what.sections) {
    if (is_quota_block(block)) {
      if (s.quota > 0 && area-- == 0) return s.name;
    } else if (block < s.blocks) {
      return s.name + " " + std::to_string(block + 1);
    } else {
      block -= s.blocks;
    }
  }
  return "?";
}

rehearsal rehearse(const evening& what) {
  rehearsal out;
  out.what = what;
  auto sold = what.what_is_sold();
  out.capacity = sold.capacity();
  world w{what.seed, plan_of(what), delays_of(what)};
  w.db.announce(what.nodes);
  build(sold, w.db.model);
  auto judged = delays_of(what);
  for (auto& x : what.faults) { // Less can be demanded than of a quiet evening.
    judged.kill_ppm = 1;
    if (x.what == mishap::kind::provider_away) judged.bank_away_ppm = 1;
    if (x.what == mishap::kind::provider_slow) judged.bank_slow_ppm = 1;
  }
  oracle judge{w.time,       w.db.model,
               w.money.core, sale_settings{}.holds_per_user_event_max,
               judged,       millis{1000 * what.hold_s}};
  w.db.listener = &judge;
  w.watch = [&] { return judge.wrong(); };
  auto opening = w.time.now() + warm_up;
  audience people{w, what, judge, opening};
  people.setup();
  people.start();
  for (auto& x : what.faults) w.time.after(warm_up + x.at, [&w, x] { strike(w, x); });
  for (auto at = millis{0}; out.wrong.empty(); at += every) {
    out.wrong = w.run_until(opening + at);
    take_sample(out, w, people, at);
    auto quiet = people.present() == 0 && out.line.back().tickets.held == 0;
    if ((quiet && at >= what.length) || at >= what.length + longest_visit(what)) break;
  }
  w.heal();
  if (out.wrong.empty()) out.wrong = w.run_until(w.time.now() + rest_max);
  if (out.wrong.empty()) {
    judge.check_rest();
    judge.check_history();
    out.wrong = judge.wrong();
  }
  out.at_end = count_tickets(w.db.model);
  count_sections(out, w.db.model);
  count_guests(out, people);
  count_requests(out, w, people.figures());
  count_faults(out, people.figures(), opening);
  if (out.wrong.empty()) out.wrong = people.check();
  if (out.wrong.empty()) out.wrong = check_figures(out);
  w.watch = nullptr;
  w.db.listener = nullptr;
  return out;
}

} // namespace tk::sim

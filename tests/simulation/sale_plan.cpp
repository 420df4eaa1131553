#include "tests/simulation/sale_plan.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "tests/simulation/fields.hpp"
#include "tests/simulation/workload.hpp"

namespace tk::sim {

namespace {

std::string read_habits(const json& from, habits& to) {
  fields x{from, "people_do"};
  for (auto& [name, field] : std::initializer_list<std::pair<const char*, uint32_t*>>{
         {"pays", &to.pays},
         {"pays_twice", &to.pays_twice},
         {"cancels", &to.cancels},
         {"cancels_paying", &to.cancels_paying},
         {"cancels_paid", &to.cancels_paid},
         {"pays_late", &to.pays_late},
         {"abandons", &to.abandons},
         {"double_clicks", &to.double_clicks},
         {"retries", &to.retries},
         {"other_body", &to.other_body},
         {"signs_out", &to.signs_out},
         {"payment_declined", &to.payment_declined},
         {"wrong_amounts", &to.wrong_amounts},
         {"pays_on_page", &to.pays_on_page}})
    x.number(name, *field, 0, 100);
  return x.finish();
}

void read_queue(fields& from, queue_plan& to) {
  from.object("queue", [&to](fields& x) {
    x.number("threshold", to.threshold, 1, 1000);
    x.number("per_second", to.per_second, 1, 1000);
    x.number("opens_s", to.opens_s, 0, 3600);
    x.number("slot_s", to.slot_s, 1, 3600);
    x.number("slot_max_s", to.slot_max_s, 1, 3600);
    x.number("stale_s", to.stale_s, 1, 3600);
    x.number("leaves", to.leaves, 0, 100);
    x.number("goes_away", to.goes_away, 0, 100);
    x.number("two_devices", to.two_devices, 0, 100);
    x.number("without_cookies", to.without_cookies, 0, 100);
    x.number("steered", to.steered, 0, 100);
    x.number("cleared", to.cleared, 0, 100);
    x.number("follows", to.follows, 0, 100);
    x.number("gated", to.gated, 0, 100);
    x.number("lets_go", to.lets_go, 0, 100);
  });
}

void read_standing(fields& x, sale_plan& to) {
  auto list = x.find("standing");
  if (list == nullptr) return;
  to.standing.clear();
  if (!list->is_array() || list->size() > 8)
    return x.problem("standing must be a list of up to 8 quotas");
  for (auto& quota : *list) {
    if (!quota.is_number_integer() || quota.get<int64_t>() < 1 || quota.get<int64_t>() > 100'000)
      return x.problem("standing: a quota is 1 to 100000 tickets");
    to.standing.push_back(quota.get<int32_t>());
  }
}

void read_workloads(fields& x, sale_plan& to) {
  auto list = x.find("workloads");
  if (list == nullptr) return;
  if (!list->is_array() || list->empty()) return x.problem("workloads must be a list of names");
  for (auto& name : *list) {
    auto known = [&name](auto& kind) { return name == kind.name; };
    if (std::ranges::none_of(workload_kinds(), known))
      return x.problem("workloads: there is no " + name.dump());
    to.workloads.push_back(name.get<std::string>());
  }
}

void read_only_faults(fields& x, sale_plan& to) {
  auto list = x.find("only_faults");
  if (list == nullptr) return;
  if (!list->is_array() || list->empty()) return x.problem("only_faults must be a list of names");
  for (auto& name : *list) {
    auto known = [&name](auto& kind) { return name == kind.name; };
    if (std::ranges::none_of(fault_kinds(), known))
      return x.problem("only_faults: there is no " + name.dump());
    to.only_faults.push_back(name.get<std::string>());
  }
}

} // namespace

tl::expected<sale_plan, std::string> parse_plan(const std::string& json_text) {
  auto from = parse_strictly(json_text);
  if (!from) return tl::make_unexpected(from.error());
  sale_plan out;
  fields x{*from, "sale"};
  x.text("name", out.name);
  x.text("about", out.about);
  x.number("nodes", out.nodes, 1, 8);
  x.number("blocks", out.blocks, 0, 64);
  x.number("seats_per_block", out.seats_per_block, 1, 512);
  read_standing(x, out);
  read_workloads(x, out);
  x.number("people", out.people, 1, 10'000);
  x.number("visits", out.visits, 1, 1000);
  x.number("party_max", out.party_max, 1, 4);
  int64_t length_s = out.length.count() / 1000;
  x.number("length_s", length_s, 1, 86'400);
  out.length = millis{length_s * 1000};
  x.number("hold_s", out.hold_s, 1, 3600);
  x.number("opens_s", out.opens_s, 0, 86'400);
  x.number("closes_s", out.closes_s, 0, 86'400);
  x.number("cancel_keeps", out.cancel_keeps, 0, 100);
  x.number("cancel_ends_s", out.cancel_ends_s, 0, 86'400);
  x.flag("faults", out.faults);
  read_only_faults(x, out);
  x.flag("fail_over", out.fail_over);
  x.flag("moves", out.moves);
  x.flag("relay", out.relay);
  read_queue(x, out.queue);
  std::string wrong;
  if (auto people = x.find("people_do"); people != nullptr)
    wrong = read_habits(*people, out.people_do);
  if (auto first = x.finish(); !first.empty()) wrong = first;
  if (wrong.empty() && out.blocks == 0 && out.standing.empty())
    wrong = "sale: neither seats nor standing tickets";
  bool has_room = out.queue.any();
  bool has_crowd = std::ranges::find(out.workloads, "opening_night") != out.workloads.end();
  if (wrong.empty() && has_room != has_crowd)
    wrong = "sale: queue and the piece opening_night go together";
  if (wrong.empty() && out.relay && out.fail_over)
    wrong = "sale: what is told of rows that are lost is not judged: relay or fail_over";
  if (!wrong.empty()) return tl::make_unexpected(wrong);
  return out;
}

bool sale_plan::has(std::string_view piece) const {
  return std::ranges::find(workloads, piece) != workloads.end();
}

fault_mix fault_mix::draw(uint64_t seed) {
  dice d{seed, "faults"};
  fault_mix x;
  auto some = [&d](uint32_t least, uint32_t most) -> uint32_t {
    auto value = static_cast<uint32_t>(d.between(least, most));
    return d.chance(500'000) ? value : 0;
  };
  x.drop_ppm = some(1'000, 200'000);
  x.duplicate_ppm = some(1'000, 300'000);
  x.slow_ppm = some(1'000, 100'000);
  x.wire_delay_max = d.between(millis{1}, millis{60});
  x.cut_ppm = some(1'000, 40'000);
  x.kill_ppm = some(1'000, 15'000);
  x.pause_ppm = some(1'000, 15'000);
  x.skew_max_ms = some(50, 3'000);
  x.jump_ppm = some(1'000, 20'000);
  x.lost_before_ppm = some(1'000, 100'000);
  x.lost_after_ppm = some(1'000, 100'000);
  x.lost_late_ppm = some(1'000, 100'000);
  x.contended_ppm = some(1'000, 100'000);
  x.away_ppm = some(1'000, 15'000);
  x.read_fails_ppm = some(1'000, 150'000);
  x.database_delay_max = d.between(millis{1}, millis{80});
  x.bank_loses_ppm = some(10'000, 300'000);
  x.bank_slow_ppm = some(10'000, 300'000);
  x.bank_away_ppm = some(10'000, 200'000);
  x.old_frames_ppm = some(1'000, 100'000);
  x.path_capacity = some(2, 12);
  x.swizzle_ppm = some(1'000, 15'000);
  x.commit_crash_ppm = some(1'000, 30'000);
  x.slow_node_ppm = some(1'000, 10'000);
  x.actor_dies_ppm = some(50, 3'000);
  x.ledger_bound = some(2, 6);
  x.early_timers_ppm = some(1'000, 10'000);
  x.link_reset_ppm = some(1'000, 30'000);
  x.failover_ppm = static_cast<uint32_t>(d.between(1'000, 5'000));
  x.turn_crash_ppm = some(10'000, 100'000);
  x.deaf_room_ppm = some(1'000, 5'000);
  x.torn_ppm = some(1'000, 50'000);
  x.moves_ppm = static_cast<uint32_t>(d.between(20'000, 300'000));
  x.wishes_ppm = static_cast<uint32_t>(d.between(2'000, 20'000));
  x.older_ppm = some(500, 10'000);
  x.odd_ppm = some(500, 5'000);
  x.callback_twice_ppm = some(50'000, 500'000);
  x.callback_late_ppm = some(50'000, 500'000);
  x.callback_forged_ppm = some(5'000, 50'000);
  x.bank_late_ppm = some(10'000, 200'000);
  x.early_number_ppm = some(10'000, 500'000);
  x.long_writer_ppm = some(1'000, 15'000);
  x.broker_down_ppm = some(1'000, 15'000);
  x.broker_silent_ppm = some(10'000, 300'000);
  x.rebalance_ppm = some(1'000, 30'000);
  x.mark_crash_ppm = some(1'000, 30'000);
  x.poison_ppm = some(1'000, 50'000);
  return x;
}

std::span<const fault_kind> fault_kinds() {
  using x = fault_mix;
  static constexpr fault_kind all[] = {
    {"drop", &x::drop_ppm},
    {"duplicate", &x::duplicate_ppm},
    {"slow-wire", &x::slow_ppm},
    {"cut", &x::cut_ppm},
    {"kill", &x::kill_ppm},
    {"pause", &x::pause_ppm},
    {"skew", &x::skew_max_ms},
    {"jump", &x::jump_ppm},
    {"lost-before-commit", &x::lost_before_ppm},
    {"lost-after-commit", &x::lost_after_ppm},
    {"late-commit", &x::lost_late_ppm},
    {"contended", &x::contended_ppm},
    {"database-away", &x::away_ppm},
    {"reads-fail", &x::read_fails_ppm},
    {"bank-loses", &x::bank_loses_ppm},
    {"bank-slow", &x::bank_slow_ppm},
    {"bank-away", &x::bank_away_ppm},
    {"old-frames", &x::old_frames_ppm},
    {"narrow-path", &x::path_capacity},
    {"swizzle", &x::swizzle_ppm},
    {"crash-at-commit", &x::commit_crash_ppm},
    {"slow-node", &x::slow_node_ppm},
    {"actor-dies", &x::actor_dies_ppm},
    {"narrow-ledger", &x::ledger_bound},
    {"early-timers", &x::early_timers_ppm},
    {"link-reset", &x::link_reset_ppm},
    {"fail-over", &x::failover_ppm},
    {"crash-at-turn", &x::turn_crash_ppm},
    {"deaf-room", &x::deaf_room_ppm},
    {"torn", &x::torn_ppm},
    {"moves", &x::moves_ppm},
    {"operators", &x::wishes_ppm},
    {"older-release", &x::older_ppm},
    {"odd-shards", &x::odd_ppm},
    {"callback-twice", &x::callback_twice_ppm},
    {"callback-late", &x::callback_late_ppm},
    {"callback-forged", &x::callback_forged_ppm},
    {"bank-late", &x::bank_late_ppm},
    {"early-number", &x::early_number_ppm},
    {"long-writer", &x::long_writer_ppm},
    {"broker-down", &x::broker_down_ppm},
    {"broker-silent", &x::broker_silent_ppm},
    {"rebalance", &x::rebalance_ppm},
    {"crash-at-mark", &x::mark_crash_ppm},
    {"poison", &x::poison_ppm},
  };
  return all;
}

void fault_mix::note(uint32_t fault_mix::*rate) const {
  if (struck == nullptr) return;
  auto i = std::ranges::find(fault_kinds(), rate, &fault_kind::rate);
  ++struck->at(static_cast<size_t>(i - fault_kinds().begin()));
}

bool fault_mix::none() const {
  return std::ranges::all_of(fault_kinds(), [this](auto& x) { return this->*(x.rate) == 0; });
}

void fault_mix::keep_only(const std::vector<std::string>& names) {
  constexpr uint32_t usual = 3'000; // Where the seed has it off.
  for (auto& x : fault_kinds()) {
    auto& rate = this->*(x.rate);
    bool wanted = std::ranges::find(names, x.name) != names.end();
    rate = !wanted ? 0 : rate == 0 ? usual : rate;
  }
}

bool fault_mix::only_moves() const {
  auto rest = *this;
  rest.moves_ppm = rest.wishes_ppm = 0;
  return moves_ppm > 0 && rest.none();
}

bool fault_mix::leave_out(std::string_view name) {
  auto i = std::ranges::find(fault_kinds(), name, [](auto& x) { return std::string_view{x.name}; });
  if (i == fault_kinds().end()) return false;
  this->*(i->rate) = 0;
  return true;
}

void fault_mix::thin_out(uint64_t seed) {
  dice d{seed, "lite"};
  std::vector<uint32_t fault_mix::*> on;
  for (auto& x : fault_kinds())
    if (this->*(x.rate) > 0) on.push_back(x.rate);
  for (; on.size() > 2; on.pop_back()) {
    std::swap(on[d.below(on.size())], on.back());
    this->*(on.back()) = 0;
  }
}

std::string fault_mix::names() const {
  std::string out;
  for (auto& x : fault_kinds())
    if (this->*(x.rate) > 0) out += (out.empty() ? "" : " ") + std::string{x.name};
  return out.empty() ? "none" : out;
}

} // namespace tk::sim

#include "tests/simulation/mutants.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "actors/base/mutants.hpp"
#include "tests/simulation/farm.hpp"
#include "tests/simulation/options.hpp"

namespace {

/// The bug this process has. One for the whole process, because planted code has no other way to
/// know.
std::string& selected() {
  static std::string name;
  return name;
}

} // namespace

#ifdef TIKETI_MUTANTS
namespace tk {
bool mutant(std::string_view name) { return name == selected(); }
} // namespace tk
#endif

namespace tk::sim {

namespace {

constexpr planted_bug all_bugs[] = {
  {"answers_before_commit", "storm"},
  {"answers_from_a_claim", "storm"},
  {"asks_again_as_new", "storm"},
  {"charges_another_sum", "calm"},
  {"closes_without_cancelling", "callbacks"},
  {"commits_before_effect", "relay"},
  {"completes_twice", "callbacks"},
  {"counts_from_zero", "storm"},
  {"drops_what_is_refused", "relay"},
  {"drops_what_waited", "moved"},
  {"ends_by_own_clock", "storm"},
  {"ends_letters_untold", "relay"},
  {"ends_what_is_paid", "storm"},
  {"falls_over", "storm", true},
  {"forgets_deadlines", "storm"},
  {"forgets_its_board", "calm"},
  {"forgets_keys", "storm"},
  {"forgets_new_keys", "storm"},
  {"forgets_orders", "storm"},
  {"forgets_other_claims", "calm"},
  {"gives_back_twice", "storm"},
  {"gives_to_the_drained", "moved"},
  {"gives_what_is_open", "moved"},
  {"believes_old_boards", "opening"},
  {"believes_passes", "opening"},
  {"draws_before_record", "opening"},
  {"forgets_half_of_torn", "storm"},
  {"forgets_the_roster", "unheard"},
  {"frees_by_message", "opening"},
  {"gate_gives_again", "opening"},
  {"keeps_old_inventory", "scarce"},
  {"leaves_rooms_asleep", "unheard"},
  {"keeps_old_boards", "failover"},
  {"lets_in_without_seats", "scarce"},
  {"never_opens_again", "moving"},
  {"never_evened", "moved"},
  {"newcomers_first", "opening"},
  {"numbers_before_record", "opening"},
  {"readmits_by_ticket", "opening"},
  {"sweeps_after_activation", "opening"},
  {"tells_of_another_owner", "storm"},
  {"tells_cleared_early", "opening"},
  {"tells_slots_early", "opening"},
  {"uses_numbers_again", "opening"},
  {"ignores_versions", "scramble"},
  {"joins_what_has_ended", "lone"},
  {"keeps_claims", "storm"},
  {"keeps_sessions", "storm"},
  {"keeps_some_back", "calm"},
  {"keeps_what_it_gave", "moved"},
  {"knows_own_epochs_only", "storm"},
  {"leaves_boards_of_the_dead", "storm"},
  {"leaves_its_wishes", "moved"},
  {"leaves_who_pays", "moved"},
  {"leaves_who_waits", "moved"},
  {"limits_too_soon", "calm"},
  {"link_calls_sent_unsent", "storm"},
  {"link_forgets_open_requests", "storm"},
  {"link_resends_late", "storm"},
  {"moved_is_no", "moved"},
  {"lost_is_done", "storm"},
  {"opens_before_given", "moved"},
  {"pays_another_body", "storm"},
  {"pins_what_ran_out", "storm"},
  {"recalls_once", "recall"},
  {"refunds_as_new", "storm"},
  {"forgets_fees", "money"},
  {"forgets_the_last_hour", "money"},
  {"refuses_much_money", "calm"},
  {"relays_past_writers", "relay"},
  {"releases_in_an_old_epoch", "storm"},
  {"replays_as_new", "relay"},
  {"retires_before_delivery", "relay"},
  {"sells_after_the_end", "window"},
  {"sells_what_is_cancelled", "recall"},
  {"sells_without_pin", "storm"},
  {"shows_pins_as_sold", "money"},
  {"signs_pairs_out", "calm"},
  {"silence_is_no", "storm"},
  {"silence_is_sold", "storm"},
  {"silence_is_yes", "storm"},
  {"skips_an_epoch", "storm"},
  {"sold_for_ever", "storm"},
  {"stays_busy", "storm"},
  {"takes_another_body", "storm"},
  {"takes_any_amount", "money"},
  {"thaws_blindly", "storm"},
  {"throws_by_night", "storm"},
  {"trusts_any_timeline", "failover"},
  {"voids_without_record", "money"},
  {"waits_without_timer", "callbacks"},
};

} // namespace

std::span<const planted_bug> planted_bugs() { return all_bugs; }

bool can_have_mutants() {
#ifdef TIKETI_MUTANTS
  return true;
#else
  return false;
#endif
}

void select_mutant(const std::string& name) {
  auto known = std::ranges::find(planted_bugs(), std::string_view{name},
                                 [](auto& x) { return std::string_view{x.name}; });
  if (known == planted_bugs().end()) throw std::runtime_error("there is no planted bug " + name);
  selected() = name;
}

namespace {

nlohmann::json hunt(const planted_bug& bug, const options& how) {
  selected() = bug.name;
  auto plan = load_sale(bug.sale);
  for (auto seed = how.first; seed < how.first + how.seeds; ++seed) {
    auto x = run_seed(seed, plan, how.play);
    if (x.wrong.empty()) continue;
    selected().clear();
    auto healthy = run_seed(seed, plan, how.play);
    if (healthy.wrong.empty()) return {{"seed", seed}, {"wrong", x.wrong}};
    selected() = bug.name; // What fails by itself proves nothing.
  }
  return {{"survives", true}};
}

/// Tells how the hunt ended; true when it was found.
bool print_hunt(const planted_bug& bug, const options& how, const nlohmann::json& x) {
  if (x.contains("seed"))
    std::printf("%-22s %-6s found by seed %4" PRIu64 "  %s\n", bug.name, bug.sale,
                x["seed"].get<uint64_t>(), x["wrong"].get<std::string>().c_str());
  else if (x.contains("died"))
    std::printf("%-22s %-6s ended the simulation: %s\n", bug.name, bug.sale,
                x["died"].get<std::string>().c_str());
  else std::printf("%-22s %-6s SURVIVES %" PRIu64 " seeds\n", bug.name, bug.sale, how.seeds);
  std::fflush(stdout);
  return x.contains(bug.crashes ? "died" : "seed");
}

} // namespace

int hunt_mutants(const options& how) {
  constexpr std::chrono::minutes patience{10}; // With one bug: none may hang the others.
  auto bugs = planted_bugs();
  size_t found = 0;
  farm all;
  all.jobs = how.jobs;
  all.first = 0;
  all.count = bugs.size();
  all.patience = patience;
  all.work = [&](uint64_t i) { return hunt(bugs[i], how); };
  all.take = [&](uint64_t i, const nlohmann::json& x) {
    if (print_hunt(bugs[i], how, x)) ++found;
    return true;
  };
  all.run();
  std::printf("%zu planted bugs, %zu found\n", bugs.size(), found);
  return found == bugs.size() ? 0 : 1;
}

} // namespace tk::sim

#define CAF_SUITE quota_model

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include <caf/test/dsl.hpp>

#include "actors/seat_block/core.hpp"

using namespace tk;

namespace {

using kind = hold_decision::kind;

constexpr int32_t block = first_quota_block;
const ticket_type_id standing{0x7e, 1};
const instant start = from_ms(1'000'000);
const instant claim_end = start + millis{10}, hold_end = start + millis{20};
/// Every instant at which something changes, and the millisecond before.
const std::vector<instant> times = {start, claim_end - millis{1}, claim_end, hold_end - millis{1},
                                    hold_end};

/// What the rows say of a reservation.
enum class row : uint8_t { none, pending, pinned, sold, ended, returned };
/// Where an op about it is: not sent, on its way, or judged and not heard of yet.
enum class op_state : uint8_t { idle, open, done, refused };

/// One reservation of `units`, as the ledger has it and as far as the block has heard. Of one that
/// is led elsewhere the block hears by messages, which may come again but not out of order.
struct story {
  int32_t units = 1;
  bool led = true;
  bool told = false;    ///< The block knows it at all.
  bool doubted = false; ///< It is pinned, and is to be looked at again all the same.
  row at = row::none;
  op_state creation = op_state::idle, release = op_state::idle;
  [[nodiscard]] bool drawn() const {
    return at == row::pending || at == row::pinned || at == row::sold;
  }
};

/// A quota block and the ledger's rows behind it. A move is whatever may happen next, sensible or
/// not; `trouble` says what is wrong with what it led to.
struct world {
  int32_t total;
  std::vector<story> all;
  seat_block_core core;
  size_t time = 0;
  std::string trouble;

  world(int32_t quota, std::vector<story> stories)
      : total(quota),
        all(std::move(stories)),
        core(block, quota_facts{standing, {1000}, quota, quota}) {
    // nop
  }

  [[nodiscard]] instant now() const { return times[time]; }
  static reservation_id id_of(size_t i) { return {0xb, i + 1}; }
  static std::vector<held_item> items_of(const story& x) {
    return {{{}, block, 0, 0, {1000}, standing, x.units}};
  }
  /// The ledger's own count.
  [[nodiscard]] int32_t available() const {
    auto n = total;
    for (auto& x : all) n -= x.drawn() ? x.units : 0;
    return n;
  }

  // -- moves ------------------------------------------------------------------------------------

  void wish(size_t i) {
    auto& x = all[i];
    if (x.creation != op_state::idle || now() >= claim_end) return;
    hold_items cmd;
    cmd.id = id_of(i);
    cmd.items = {{{}, block, standing, x.units}};
    cmd.deadline = claim_end;
    auto what = core.decide_hold(cmd, now());
    if (what.is != kind::claim) return;
    core.apply_claim(cmd.id, what.items, claim_end);
    x.creation = op_state::open;
    x.told = true;
  }

  void judge_creation(size_t i, bool lost) {
    auto& x = all[i];
    if (x.creation != op_state::open) return;
    bool ok = !lost && now() < claim_end && x.units <= available();
    x.creation = ok ? op_state::done : op_state::refused;
    if (ok) x.at = row::pending;
    else if (!lost && now() < claim_end) trouble = "promised what the ledger does not have";
  }

  void hear_creation(size_t i) {
    auto& x = all[i];
    if (x.creation == op_state::refused) core.drop_claim(id_of(i));
    if (x.creation == op_state::done && x.at == row::pending) hear_hold(i);
  }

  void hear_hold(size_t i) {
    hold_record made;
    made.id = id_of(i);
    made.expires_at = hold_end;
    made.led = all[i].led;
    made.pinned = all[i].at == row::pinned;
    made.items = items_of(all[i]);
    if (all[i].release == op_state::open || all[i].release == op_state::done) return;
    core.apply_hold(std::move(made));
    all[i].told = true;
    all[i].doubted = false;
  }

  void begin_release(size_t i) {
    auto& x = all[i];
    auto hold = core.find_hold(id_of(i));
    if (x.release != op_state::idle || (x.led && (!hold || hold->pinned))) return;
    if (!x.led && x.at != row::pending) return;
    x.release = op_state::open;
    if (x.led) core.set_releasing(id_of(i), true);
  }

  void judge_release(size_t i, bool lost) {
    auto& x = all[i];
    if (x.release != op_state::open) return;
    bool ok = !lost && x.at == row::pending;
    x.release = ok ? op_state::done : op_state::refused;
    if (ok) x.at = row::ended;
  }

  void hear_release(size_t i) {
    auto& x = all[i];
    if (x.release == op_state::done) core.apply_release(id_of(i), items_of(x));
    if (x.release == op_state::refused) {
      x.release = op_state::idle;
      core.set_releasing(id_of(i), false);
    }
  }

  void pin(size_t i, bool on) {
    auto& x = all[i];
    if (x.at != (on ? row::pending : row::pinned)) return;
    x.at = on ? row::pinned : row::pending;
    core.set_pinned(id_of(i), on);
    x.doubted = false;
  }

  void postpone(size_t i) {
    auto hold = core.find_hold(id_of(i));
    all[i].doubted = hold && hold->led && hold->pinned;
    core.postpone(id_of(i), hold_end);
  }

  void hear_end(size_t i) {
    core.set_expiry(id_of(i), hold_end);
    all[i].doubted = false;
  }

  void sell(size_t i) {
    if (all[i].at == row::pinned) all[i].at = row::sold;
  }

  void hear_sale(size_t i) {
    if (all[i].at == row::sold) core.apply_sale(id_of(i), items_of(all[i]));
  }

  /// The checkout takes back what the block knows as sold; its verdict is heard at once.
  void take_back(size_t i) {
    if (all[i].at != row::sold || core.find_hold(id_of(i)) || core.find_claim(id_of(i))) return;
    all[i].at = row::returned;
    core.apply_return(items_of(all[i]));
  }

  /// What the shell does after a final re-read, or when it doubts.
  void relook(size_t i) {
    auto& x = all[i];
    bool final_read = now() >= claim_end;
    if (final_read && x.creation == op_state::open) x.creation = op_state::refused;
    if (x.at == row::pending || x.at == row::pinned) return hear_hold(i);
    if (x.at == row::sold) core.apply_sale(id_of(i), items_of(x));
    if (x.creation != op_state::open) core.drop_claim(id_of(i));
    core.forget(id_of(i));
  }

  static constexpr int moves_of_one = 17;
  void move_one(size_t i, int what) {
    switch (what) {
    case 0: return wish(i);
    case 1: return judge_creation(i, false);
    case 2: return judge_creation(i, true);
    case 3: return hear_creation(i);
    case 4: return core.mark_unsettled(id_of(i));
    case 5: return begin_release(i);
    case 6: return judge_release(i, false);
    case 7: return judge_release(i, true);
    case 8: return hear_release(i);
    case 9: return pin(i, true);
    case 10: return pin(i, false);
    case 11: return sell(i);
    case 12: return hear_sale(i);
    case 13: return take_back(i);
    case 14: return relook(i);
    case 15: return postpone(i);
    default: return hear_end(i);
    }
  }

  [[nodiscard]] int moves() const { return static_cast<int>(all.size()) * moves_of_one + 2; }
  void move(int what) {
    if (what == 0) time = std::min(time + 1, times.size() - 1);
    else if (what == 1) core.apply_quota_row(available(), total);
    else move_one(static_cast<size_t>((what - 2) / moves_of_one), (what - 2) % moves_of_one);
  }

  // -- what must be true ------------------------------------------------------------------------

  void check() {
    if (!trouble.empty()) return;
    check_counts();
    check_decisions();
    check_ends();
  }

  void check_counts() {
    auto& q = *core.find_quota();
    int64_t held = 0, claimed = 0, may_commit = 0, ran_out = 0;
    bool all_heard = true;
    for (size_t i = 0; i < all.size(); ++i) {
      auto& x = all[i];
      auto hold = core.find_hold(id_of(i));
      auto claim = core.find_claim(id_of(i));
      if (hold) held += x.units;
      if (claim) claimed += x.units;
      if (x.creation == op_state::open) may_commit += x.units;
      if (hold && !hold->pinned && hold->expires_at <= now()) ran_out += x.units;
      bool live = x.at == row::pending || x.at == row::pinned;
      all_heard = all_heard && !claim && (hold != nullptr) == live;
    }
    if (q.held() != held || q.claimed() != claimed) trouble = "held or claimed differ";
    if (q.free() < 0) trouble = "free is below zero";
    if (q.facts().unsold > total) trouble = "unsold is above the quota";
    if (q.free() > available() - may_commit) trouble = "free is more than the ledger has";
    if (all_heard && q.free() != available()) trouble = "not given back exactly once";
    if (core.shown_quantity(now()) != q.free() + ran_out) trouble = "another quantity is shown";
  }

  /// A new wish of any size is judged by the free count alone.
  void check_decisions() {
    auto& q = *core.find_quota();
    bool frees = !core.overdue(now()).empty();
    for (int32_t n = 1; n <= total + 1; ++n) {
      hold_items cmd;
      cmd.id = {0xc, 1};
      cmd.items = {{{}, block, standing, n}};
      cmd.deadline = now() + millis{1};
      auto what = core.decide_hold(cmd, now());
      auto expected = n <= q.free()                    ? kind::claim
                      : n <= q.facts().unsold && frees ? kind::free_first
                                                       : kind::refuse;
      if (what.is != expected) trouble = "decided otherwise";
      if (n > q.facts().unsold && what.retry_after_ms != 0) trouble = "hope for what is sold";
      cmd.deadline = now();
      if (core.decide_hold(cmd, now()).why != ec::late) trouble = "decided too late";
    }
  }

  /// To the millisecond: led holds are overdue, claims and holds led elsewhere are doubtful, and so
  /// are pinned ones that were doubted before.
  void check_ends() {
    std::vector<reservation_id> overdue, doubtful;
    for (size_t i = 0; i < all.size(); ++i) {
      auto hold = core.find_hold(id_of(i));
      auto claim = core.find_claim(id_of(i));
      if (hold && hold->led && !hold->pinned && !hold->releasing && hold_end <= now())
        overdue.push_back(id_of(i));
      bool claim_over = claim && claim->due <= now() && claim_end <= now();
      bool hold_over = hold && hold_end <= now() && (hold->led ? all[i].doubted : true);
      if (claim_over || hold_over) doubtful.push_back(id_of(i));
    }
    auto sorted = [](std::vector<reservation_id> x) {
      std::ranges::sort(x);
      return x;
    };
    if (sorted(core.overdue(now())) != overdue) trouble = "overdue differs";
    if (sorted(core.doubtful(now())) != doubtful) trouble = "doubtful differs";
    bool busy = core.hold_count() > 0 || core.find_quota()->claimed() > 0;
    if (core.idle() == busy) trouble = "idle differs";
  }

  /// Everything that tells two states apart.
  [[nodiscard]] std::string key() const {
    std::string out;
    auto put = [&](int64_t x) { out += static_cast<char>(x + 1); };
    put(static_cast<int64_t>(time));
    put(core.find_quota()->facts().unsold);
    for (size_t i = 0; i < all.size(); ++i) {
      auto& x = all[i];
      put(static_cast<int64_t>(x.at));
      put(static_cast<int64_t>(x.creation) * 4 + static_cast<int64_t>(x.release));
      auto hold = core.find_hold(id_of(i));
      auto claim = core.find_claim(id_of(i));
      put(hold ? 1 + hold->pinned + 2 * hold->releasing + 4 * (hold->due > hold_end) : 0);
      put(x.doubted);
      put(claim ? 1 + claim->unsettled + 2 * (claim->due > claim_end) : 0);
    }
    return out;
  }
};

/// Every move in every state that can be reached; empty when nothing is wrong in any of them.
struct search {
  std::set<std::string> seen;
  std::string trouble;

  explicit search(world first) {
    std::deque<std::pair<world, std::string>> open;
    seen.insert(first.key());
    open.emplace_back(std::move(first), "");
    while (!open.empty() && trouble.empty()) {
      auto [from, path] = std::move(open.front());
      open.pop_front();
      for (int what = 0; what < from.moves() && trouble.empty(); ++what) {
        auto next = from;
        next.move(what);
        next.check();
        auto here = path + " " + std::to_string(what);
        if (!next.trouble.empty()) trouble = next.trouble + " after" + here;
        else if (seen.insert(next.key()).second) open.emplace_back(std::move(next), here);
      }
    }
  }
};

void expect_sound(int32_t quota, std::vector<story> stories) {
  search done{world{quota, std::move(stories)}};
  CAF_MESSAGE(done.seen.size() << " states");
  CAF_CHECK_EQUAL(done.trouble, "");
  CAF_CHECK(done.seen.size() > 1000); // The search goes somewhere.
}

} // namespace

CAF_TEST(two reservations of this block in every state and order) {
  for (int32_t first = 1; first <= 2; ++first)
    for (int32_t second = first; second <= 3; ++second)
      expect_sound(3, {{first, true}, {second, true}});
}

CAF_TEST(beside one that is led elsewhere in every state and order) {
  for (int32_t first = 1; first <= 2; ++first)
    for (int32_t second = 1; second <= 3; ++second)
      expect_sound(3, {{first, true}, {second, false}});
}

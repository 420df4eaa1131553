#define CAF_SUITE seat_block_model

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include <caf/test/dsl.hpp>

#include "actors/seat_block/core.hpp"

using namespace tk;

namespace {

using kind = hold_decision::kind;

constexpr uint64_t seats_n = 6;
constexpr millis ttl{400}, claim_life{60};

seat_id seat(uint64_t n) { return {0, n}; }

/// What a block should think, told as simply as possible: who has which seat.
struct naive {
  struct slot {
    reservation_id claimed_by, held_by;
    bool sold = false;
    int32_t version = 0;
    int64_t fence = 0;
  };
  struct hold {
    instant expires_at;
    bool pinned = false;
  };
  std::map<seat_id, slot> slots;
  std::map<reservation_id, hold> holds;
};

/// One random walk of a block: commands go to the core and to the naive model.
struct walk {
  std::mt19937_64 random;
  instant now = from_ms(1'000'000);
  naive model;
  seat_block_core core{0, rows()};
  uint64_t ids = 0;
  std::map<reservation_id, std::vector<held_item>> claims, holds;
  std::string trouble;

  explicit walk(uint64_t seed) : random(seed) {
    for (uint64_t n = 1; n <= seats_n; ++n) model.slots[seat(n)];
  }

  static std::vector<seat_facts> rows() {
    std::vector<seat_facts> out;
    for (uint64_t n = 1; n <= seats_n; ++n)
      out.push_back({seat(n), 0, 0, seat_state::available, {}, {10}});
    return out;
  }

  template <class Map> auto any_of(Map& map) {
    return std::next(map.begin(), static_cast<std::ptrdiff_t>(random() % map.size()));
  }

  void wish() {
    hold_items x;
    x.id = {0xb, ++ids};
    x.user = {0xa, random() % 3};
    x.deadline = now + claim_life;
    std::set<uint64_t> chosen;
    for (auto n = 1 + random() % 3; n > 0; --n) chosen.insert(1 + random() % seats_n);
    for (auto n : chosen) x.items.push_back({seat(n), 0});
    auto what = core.decide_hold(x, now);
    judge(x, what);
    if (what.is != kind::claim) return;
    core.apply_claim(x.id, what.items, x.deadline);
    claims[x.id] = what.items;
    for (auto& y : what.items) model.slots[y.seat].claimed_by = x.id;
  }

  /// The decision must follow from the model alone.
  void judge(const hold_items& x, const hold_decision& what) {
    bool sold = false, held = false, contested = false;
    for (auto& y : x.items) {
      auto& s = model.slots[y.seat];
      auto h = model.holds.find(s.held_by);
      bool alive = h != model.holds.end() && (h->second.pinned || h->second.expires_at > now);
      bool ending = h != model.holds.end() && !alive && !s.sold;
      if (!s.claimed_by.nil() || ending) contested = true;
      else if (s.sold) sold = true;
      else if (alive) held = true;
    }
    auto why = sold        ? ec::seat_sold
               : held      ? ec::seat_held
               : contested ? ec::seat_contested
                           : ec::ok;
    if (what.is == kind::replay) {
      for (auto& y : x.items)
        if (model.slots[y.seat].held_by != what.existing) trouble = "replayed what is not held";
    } else if (what.why != why || (what.is == kind::claim) != (why == ec::ok)) {
      trouble =
        "decided " + std::string{to_string(what.why)} + ", expected " + std::string{to_string(why)};
    }
  }

  void settle_claim() {
    if (claims.empty()) return;
    auto i = any_of(claims);
    auto [id, seats] = *i;
    claims.erase(i);
    for (auto& y : seats) model.slots[y.seat].claimed_by = {};
    if (random() % 3 == 0) return core.drop_claim(id);
    hold_record made;
    made.id = id;
    made.expires_at = now + ttl;
    made.led = true;
    for (auto& y : seats) {
      y.version += 1;
      auto& s = model.slots[y.seat];
      s.held_by = id;
      s.version = y.version;
      if (y.fence <= s.fence) trouble = "a fence did not rise";
      s.fence = y.fence;
    }
    made.items = seats;
    holds[id] = seats;
    model.holds[id] = {made.expires_at, false};
    core.apply_hold(made);
  }

  void end_hold() {
    if (holds.empty()) return;
    auto i = any_of(holds);
    auto [id, seats] = *i;
    auto& known = model.holds[id];
    if (known.pinned && random() % 2) {
      known.pinned = false;
      return core.set_pinned(id, false);
    }
    if (random() % 4 == 0) {
      known.pinned = true;
      return core.set_pinned(id, true);
    }
    bool sale = random() % 8 == 0;
    holds.erase(i);
    model.holds.erase(id);
    for (auto& y : seats) {
      y.version += 1;
      auto& s = model.slots[y.seat];
      s.version = y.version;
      s.sold = sale;
      s.held_by = sale ? id : reservation_id{};
      if (sale) core.apply_row({y.seat, y.version, y.fence, seat_state::reserved, id, {}});
    }
    if (sale) core.forget(id);
    else core.apply_release(id, seats);
  }

  /// News that is older than what the block knows, from anywhere.
  void old_news() {
    auto n = 1 + random() % seats_n;
    auto version = model.slots[seat(n)].version;
    if (version > 0) core.apply_row({seat(n), version - 1, 0, seat_state::available, {}, {}});
  }

  void step() {
    switch (random() % 6) {
    case 0:
    case 1: return wish();
    case 2: return settle_claim();
    case 3: return end_hold();
    case 4: return old_news();
    default: now += millis{static_cast<int64_t>(random() % 50)};
    }
  }

  void check() {
    if (core.seats().size() != seats_n) trouble = "the capacity changed";
    for (size_t i = 0; i < core.seats().size(); ++i) {
      auto& row = core.seats()[i];
      auto& s = model.slots[row.seat];
      if (row.version != s.version) trouble = "a version differs";
      if (row.state == seat_state::locked && row.holder != s.held_by) trouble = "a holder differs";
      if ((row.state == seat_state::available) != (s.held_by.nil() && !s.sold))
        trouble = "a state differs";
      auto h = model.holds.find(s.held_by);
      bool alive = h != model.holds.end() && (h->second.pinned || h->second.expires_at > now);
      bool free = s.claimed_by.nil() && !s.sold && !alive;
      if ((core.shown(i, now) == seat_state::available) != free)
        trouble = "the map shows another state";
    }
    check_ends();
  }

  /// Exactly what ran out and is not pinned is overdue; exactly claims past their end are doubtful.
  void check_ends() {
    std::set<reservation_id> overdue, doubtful;
    for (auto& [id, h] : model.holds)
      if (!h.pinned && h.expires_at <= now) overdue.insert(id);
    for (auto& [id, seats] : claims)
      if (core.find_claim(id)->until <= now) doubtful.insert(id);
    auto a = core.overdue(now), b = core.doubtful(now);
    if (std::set(a.begin(), a.end()) != overdue || a.size() != overdue.size())
      trouble = "overdue differs";
    if (std::set(b.begin(), b.end()) != doubtful || b.size() != doubtful.size())
      trouble = "doubtful differs";
    if (core.hold_count() != model.holds.size() || core.idle() != (holds.empty() && claims.empty()))
      trouble = "holds differ";
  }
};

} // namespace

CAF_TEST(random histories agree with a naive model) {
  int claims = 0, refusals = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    walk x{seed};
    for (int i = 0; i < 400; ++i) {
      x.step();
      x.check();
      if (!x.trouble.empty()) CAF_FAIL("seed " << seed << ", step " << i << ": " << x.trouble);
    }
    claims += static_cast<int>(x.core.find_seat(seat(1))->version > 0);
    refusals += static_cast<int>(x.ids > 20);
  }
  CAF_CHECK(claims > 250); // The walks go somewhere.
  CAF_CHECK(refusals > 250);
}

// -- H-02: one reservation over two blocks --------------------------------------------------------

namespace {

/// A reservation of one seat in each of two blocks, as rows and as both blocks see it. The ledger
/// is a switch over the row; a message to the satellite may come late, twice or never.
struct two_blocks {
  enum class row : uint8_t { pending, pinned, sold, released };
  row at = row::pending;
  int ends = 0;
  int32_t version = 1; ///< Of both seats: 1 held, 2 sold or free.
  seat_block_core lead{0, {{seat(1), 0, 0, seat_state::available, {}, {}}}};
  seat_block_core satellite{1, {{seat(2), 0, 0, seat_state::available, {}, {}}}};
  static constexpr reservation_id id{0xb, 1};
  static inline const instant end = from_ms(1000);
  instant now = from_ms(900);

  two_blocks() {
    hold_record x;
    x.id = id;
    x.expires_at = end;
    x.led = true;
    x.items = {{seat(1), 0, 1, 1, {}}, {seat(2), 1, 1, 1, {}}};
    lead.apply_hold(x);
    x.led = false;
    x.items.erase(x.items.begin());
    satellite.apply_hold(x);
  }

  [[nodiscard]] seat_state seats_state() const {
    return at == row::sold       ? seat_state::reserved
           : at == row::released ? seat_state::available
                                 : seat_state::locked;
  }

  void read_row(seat_block_core& block, seat_id which) {
    block.apply_row(
      {which, version, 1, seats_state(), at == row::released ? reservation_id{} : id, {}});
    if (at == row::sold || at == row::released) block.forget(id);
  }

  /// The release op, judged by the row.
  void release() {
    if (at == row::pinned) return lead.set_pinned(id, true);
    if (at != row::pending) return read_row(lead, seat(1));
    at = row::released;
    version = 2;
    ++ends;
    lead.apply_release(id, std::vector<held_item>{{seat(1), 0, 2, 1, {}}, {seat(2), 1, 2, 1, {}}});
  }

  static constexpr int moves = 8;
  void move(int what) {
    switch (what) {
    case 0: // Time runs out and the lead's timer looks.
      now = end;
      for (auto x : lead.overdue(now))
        if (x == id) release();
      return;
    case 1: // A payment begins, through the lead block.
      if (at == row::pending && now < end) {
        at = row::pinned;
        lead.set_pinned(id, true);
      }
      return;
    case 2: // It fails.
      if (at == row::pinned) {
        at = row::pending;
        lead.set_pinned(id, false);
      }
      return;
    case 3: // It succeeds: only from the pin.
      if (at == row::pinned) {
        at = row::sold;
        version = 2;
        ++ends;
        read_row(lead, seat(1));
      }
      return;
    case 4: // Cancel.
      if (auto hold = lead.find_hold(id); hold && !hold->pinned) release();
      return;
    case 5: // A settle arrives; it may be lost, or come again.
      if (at == row::released)
        satellite.apply_release(id, std::vector<held_item>{{seat(2), 1, 2, 1, {}}});
      return;
    case 6: // The satellite's timer: it may only read.
      for (auto x : satellite.doubtful(now))
        if (x == id) read_row(satellite, seat(2));
      return;
    default: // An old settle comes late.
      satellite.apply_row({seat(2), 1, 1, seat_state::locked, id, {}});
    }
  }

  [[nodiscard]] std::string trouble() const {
    auto first = lead.find_seat(seat(1)), second = satellite.find_seat(seat(2));
    if (ends > 1) return "ended twice";
    if (first->state != seats_state()) return "the lead block is wrong about its seat";
    bool known = second->version == version;
    if (known && second->state != seats_state()) return "the satellite is wrong about its seat";
    if (second->state == seat_state::available && at != row::released)
      return "the satellite freed a seat that is not free";
    return {};
  }
};

/// All sequences of `depth` moves from `x`.
std::string explore(const two_blocks& x, int depth, const std::string& path) {
  if (auto what = x.trouble(); !what.empty()) return what + " after " + path;
  if (depth == 0) return {};
  for (int m = 0; m < two_blocks::moves; ++m) {
    auto next = x;
    next.move(m);
    if (auto what = explore(next, depth - 1, path + static_cast<char>('0' + m)); !what.empty())
      return what;
  }
  return {};
}

} // namespace

CAF_TEST(H02 one reservation over two blocks ends once in every order of events) {
  auto what = explore({}, 6, "");
  CAF_CHECK_EQUAL(what, "");
}

CAF_TEST(H02 both blocks agree with the rows once the satellite has looked) {
  std::mt19937_64 random{5};
  for (int round = 0; round < 20'000; ++round) {
    two_blocks x;
    for (int i = 0; i < 10; ++i) x.move(static_cast<int>(random() % two_blocks::moves));
    if (x.at == two_blocks::row::pinned) x.move(3);
    x.move(0);
    x.move(6);
    if (x.satellite.find_seat(seat(2))->state != x.seats_state() || !x.trouble().empty())
      CAF_FAIL("round " << round << ": " << x.trouble());
  }
  CAF_CHECK(true);
}

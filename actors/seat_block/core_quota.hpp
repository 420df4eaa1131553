#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "actors/base/items.hpp"

namespace tk {

/// A ticket type as its block starts with it.
struct quota_facts {
  ticket_type_id type;
  won price;
  int32_t total = 0;
  /// Neither sold nor withdrawn: what the ledger calls available and what pending reservations
  /// hold.
  int64_t unsold = 0;
};

/// Counts of one ticket type's quantity. The ledger's row has the availability alone; the block
/// keeps what it consists of, so that each reservation gives back exactly what it took, once,
/// however often the block hears of its end.
class quota {
public:
  explicit quota(const quota_facts& facts) : facts_(facts) {
    // nop
  }

  [[nodiscard]] const quota_facts& facts() const { return facts_; }
  /// What a new wish may have: unsold, not held and not claimed. Below zero when the rows knew
  /// less than the memory.
  [[nodiscard]] int64_t free() const { return facts_.unsold - held_ - claimed_; }
  [[nodiscard]] int64_t held() const { return held_; }
  [[nodiscard]] int64_t claimed() const { return claimed_; }

  void claim(int64_t n) { claimed_ += n; }
  void drop(int64_t n) { claimed_ -= n; }
  void hold(int64_t n) { held_ += n; }
  void give_back(int64_t n) { held_ -= n; }
  void sell(int64_t n) { facts_.unsold -= n; }

  /// What the ledger's row says. `settled`: nothing is on its way to the ledger or from it, so the
  /// row counts exactly what is held. Else some claims and ends of holds may be in the row and some
  /// not: then it can only show that there is less than thought, never that there is more. A change
  /// of the total is one of the availability, too.
  void read(int64_t available, int32_t total, bool settled) {
    auto unsold = available + held_;
    auto thought = facts_.unsold + total - facts_.total;
    facts_.unsold = settled ? unsold : std::min(thought, unsold + claimed_);
    facts_.total = total;
  }

  /// How many of this type the items of block `block_no` are.
  [[nodiscard]] int64_t units(std::span<const held_item> items, int32_t block_no) const {
    int64_t n = 0;
    for (auto& x : items)
      if (x.block_no == block_no && x.type == facts_.type) n += x.quantity;
    return n;
  }

private:
  quota_facts facts_;
  int64_t held_ = 0, claimed_ = 0;
};

} // namespace tk

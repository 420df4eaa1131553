#include "tests/simulation/told_judge.hpp"

#include <algorithm>
#include <set>

namespace tk::sim {

namespace {

std::string name_of(const outbox_row& x) { return x.type + " of " + x.key; }

} // namespace

void told_judge::look_at_rows() {
  auto& all = rows_.rows();
  for (; looked_at_ < all.size(); ++looked_at_)
    if (!known_.emplace(all[looked_at_].id, seen{looked_at_, false}).second)
      fail("I13: two domain events have one id");
}

/// Others of its order have gone past it.
bool told_judge::was_dead(const domain_event_id& x) const {
  return std::ranges::any_of(rows_.dead(), [&](auto& y) { return y.row.id == x; });
}

void told_judge::told(const outbox_row& x) {
  look_at_rows();
  auto known = known_.find(x.id);
  if (known == known_.end()) return fail("I13: " + name_of(x) + " was told and is not on record");
  if (std::exchange(known->second.told, true)) return; // Once more.
  auto [last, fresh] = last_.try_emplace({x.topic, x.key}, known->second.no);
  if (fresh || was_dead(x.id)) return;
  if (last->second > known->second.no)
    fail("I13: " + name_of(x) + " was told for the first time behind what came after it");
  last->second = std::max(last->second, known->second.no);
}

std::string told_judge::missing(const tally& sums) const {
  std::map<std::string, int64_t> wanted;
  std::set<domain_event_id> dead, on_record;
  for (auto& x : rows_.dead()) {
    if (!x.replayed) dead.insert(x.row.id);
    if (x.why.empty()) return "I13: a dead letter does not say why";
    if (may_be_dead && !may_be_dead(x.row.id))
      return "I13: " + name_of(x.row) + " is a dead letter, and nobody has refused it";
  }
  for (auto& x : rows_.rows()) {
    on_record.insert(x.id);
    auto known = known_.find(x.id);
    bool was_told = known != known_.end() && known->second.told;
    bool counted = sums.marks.contains(x.id);
    if (!was_told && !dead.contains(x.id))
      return "I13: " + name_of(x) + " is on record and was never told";
    if (!counted && !dead.contains(x.id))
      return "I14: " + name_of(x) + " was told and never counted";
    if (counted) ++wanted[x.type];
    if (rows_.cursor(x.shard) < x.at)
      return "I13: the cursor of shard " + std::to_string(x.shard) + " stands before " + name_of(x);
  }
  for (auto& [id, type] : sums.marks)
    if (!on_record.contains(id)) return "I14: a " + type + " was counted that is not on record";
  if (wanted != sums.counts) return "I14: the sums are not those of the rows";
  return {};
}

} // namespace tk::sim

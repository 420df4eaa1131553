#include "tests/simulation/broker.hpp"

#include <algorithm>

namespace tk::sim {

namespace {

constexpr millis delay_max{30};
/// The producer gives up what has no report by then.
constexpr millis deliver_limit{6'000};
constexpr millis fetch_wait{1'000};
constexpr size_t records_max = 50;

uint32_t hash_of(const std::string& x) {
  uint32_t out = 2'166'136'261u;
  for (auto c : x) out = (out ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return out;
}

} // namespace

broker::partition& broker::of(const outbox_row& x) {
  place where{x.topic, static_cast<int32_t>(hash_of(x.key) % partitions_of_topic)};
  auto [i, fresh] = partitions_.try_emplace(where);
  if (fresh) assign(i->second);
  return i->second;
}

void broker::append(const outbox_row& x) {
  ++told_;
  of(x).records.push_back(x);
  if (on_told) on_told(x);
}

broker::poison broker::poison_in(const domain_event_id& x) {
  auto [i, fresh] = poison_.try_emplace(x, poison::none);
  if (fresh && faults_.poison_ppm > 0 && faults_.strikes(&fault_mix::poison_ppm, dice_))
    i->second = dice_.chance(500'000) ? poison::for_broker : poison::for_consumer;
  return mended_.contains(x) ? poison::none : i->second;
}

// -- producers ------------------------------------------------------------------------------------

void broker::deliver(const std::shared_ptr<const outbox_rows>& rows, bool dead,
                     std::function<void(std::vector<row_outcome>)> answer) {
  time_.after(dice_.between(millis{1}, delay_max), [=, this, answer = std::move(answer)] {
    if (away()) {
      time_.after(deliver_limit, [=] { answer(std::vector<row_outcome>(rows->size())); });
      return;
    }
    bool unheard = !dead && faults_.strikes(&fault_mix::broker_silent_ppm, dice_);
    auto out = dead      ? std::vector<row_outcome>(rows->size(), {row_fate::delivered, ""})
               : unheard ? take_unheard(*rows)
                         : take(*rows);
    auto soon = dice_.between(millis{1}, unheard ? deliver_limit : delay_max);
    time_.after(soon, [=] { answer(out); });
  });
}

std::vector<row_outcome> broker::take(const outbox_rows& rows) {
  std::vector<row_outcome> out(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (poison_in(rows[i].id) == poison::for_broker) {
      out[i] = {row_fate::refused, "too large"};
      continue;
    }
    append(rows[i]);
    out[i].is = row_fate::delivered;
  }
  return out;
}

/// Of each partition a beginning is kept, perhaps later, and a beginning of that is acknowledged.
std::vector<row_outcome> broker::take_unheard(const outbox_rows& rows) {
  std::vector<row_outcome> out(rows.size());
  std::map<const partition*, std::vector<size_t>> parts;
  std::vector<const partition*> order; // As they come, not as they lie in memory.
  for (size_t i = 0; i < rows.size(); ++i) {
    if (poison_in(rows[i].id) == poison::for_broker) {
      out[i] = {row_fate::refused, "too large"};
      continue;
    }
    auto [part, fresh] = parts.try_emplace(&of(rows[i]));
    if (fresh) order.push_back(part->first);
    part->second.push_back(i);
  }
  for (auto* part : order) {
    auto& mine = parts.at(part);
    auto kept = dice_.below(mine.size() + 1);
    auto acknowledged = dice_.below(kept + 1);
    unheard_ += mine.size() - acknowledged;
    outbox_rows late;
    for (size_t i = 0; i < kept; ++i) {
      auto& row = rows[mine[i]];
      if (i < acknowledged) {
        out[mine[i]].is = row_fate::delivered;
        append(row);
      } else {
        late.push_back(row);
      }
    }
    told_late_ += late.size();
    time_.after(dice_.between(millis{0}, millis{3'000}), [late, this] {
      for (auto& x : late) append(x);
    });
  }
  return out;
}

// -- consumers ------------------------------------------------------------------------------------

/// It goes to one of the members, who knows no more than what was acknowledged.
void broker::assign(partition& x) {
  x.owner = {};
  x.position = x.acknowledged;
  if (members_.empty()) return;
  x.owner = *std::next(members_.begin(), static_cast<std::ptrdiff_t>(dice_.below(members_.size())));
}

void broker::rebalance() {
  for (auto& [where, x] : partitions_)
    if (dice_.chance(500'000)) assign(x);
}

void broker::join(life who) {
  members_.insert(who);
  for (auto& [where, x] : partitions_)
    if (x.owner.node == 0 || dice_.chance(300'000)) assign(x);
}

void broker::leave(life who) {
  members_.erase(who);
  for (auto& [where, x] : partitions_)
    if (x.owner == who) assign(x);
}

void broker::fetch(life who, std::function<void(fetched_records)> answer) {
  time_.after(dice_.between(millis{1}, delay_max), [=, this, answer = std::move(answer)] {
    auto rows = std::make_shared<outbox_rows>();
    fetched_records out{rows, {}};
    for (auto& [where, x] : partitions_) {
      if (x.owner != who || away()) continue;
      auto end = std::min(x.records.size(), x.position + records_max);
      if (end == x.position) continue;
      for (; x.position < end; ++x.position) rows->push_back(x.records[x.position]);
      out.next.push_back({where.first, where.second, static_cast<int64_t>(end)});
    }
    time_.after(rows->empty() ? fetch_wait : millis{1}, [=] { answer(out); });
  });
}

void broker::commit(life who, const std::vector<record_place>& next,
                    std::function<void(bool)> answer) {
  time_.after(dice_.between(millis{1}, delay_max), [=, this, answer = std::move(answer)] {
    bool ok = !away();
    for (auto& x : next) {
      auto i = partitions_.find({x.topic, x.partition});
      if (!ok || i == partitions_.end() || i->second.owner != who) {
        ok = false;
        ++commits_refused_;
        continue;
      }
      i->second.acknowledged = static_cast<size_t>(x.offset);
    }
    time_.after(millis{1}, [=] { answer(ok); });
  });
}

void broker::heal() {
  faults_ = {};
  away_until_ = {};
}

} // namespace tk::sim

#include "persistence/relay/core.hpp"

#include <algorithm>

#include "actors/base/mutants.hpp"

namespace tk {

std::optional<relay_read> relay_core::next(const std::vector<owned_shard>& owned, instant now) {
  auto is_owned = [&](uint16_t shard) {
    return std::ranges::find(owned, shard, &owned_shard::shard) != owned.end();
  };
  std::erase_if(refused_, [&](auto& x) { return !is_owned(x.first); });
  std::erase_if(behind_, [&](auto shard) { return !is_owned(shard); });
  relay_read all, late;
  for (auto& x : owned) {
    auto i = refused_.find(x.shard);
    if (i != refused_.end() && i->second.again_at > now) continue;
    all.shards.push_back(x);
    if (behind_.contains(x.shard)) late.shards.push_back(x);
  }
  // Every other read is for those alone that are behind, so that few of them get all of the room.
  only_behind_ = !only_behind_ && !late.shards.empty();
  read_ = only_behind_ ? std::move(late) : std::move(all);
  rows_.reset();
  whole_ = true;
  if (read_.shards.empty()) {
    done();
    return std::nullopt;
  }
  read_.per_shard = std::max(1, settings_.rows_max / static_cast<int32_t>(read_.shards.size()));
  return read_;
}

bool relay_core::took(std::shared_ptr<const outbox_rows> rows) {
  std::map<uint16_t, int32_t> counts;
  const outbox_row* before = nullptr;
  for (auto& x : *rows) {
    auto asked = std::ranges::find(read_.shards, x.shard, &owned_shard::shard);
    bool in_order = before == nullptr || before->shard < x.shard ||
                    (before->shard == x.shard && before->at < x.at);
    if (asked == read_.shards.end() || !in_order) return false;
    ++counts[x.shard];
    before = &x;
  }
  for (auto& x : read_.shards) {
    if (counts[x.shard] >= read_.per_shard) behind_.insert(x.shard);
    else behind_.erase(x.shard);
  }
  rows_ = std::move(rows);
  return true;
}

relay_moves relay_core::judge(const std::vector<row_outcome>& outcomes, instant now) {
  relay_moves out;
  if (!rows_ || outcomes.size() != rows_->size()) {
    whole_ = false;
    return out;
  }
  for (size_t from = 0; from < rows_->size();) {
    auto to = from;
    while (to < rows_->size() && (*rows_)[to].shard == (*rows_)[from].shard) ++to;
    if (!judge_shard(from, to, outcomes, now, out)) whole_ = false;
    from = to;
  }
  return out;
}

bool relay_core::judge_shard(size_t from, size_t to, const std::vector<row_outcome>& outcomes,
                             instant now, relay_moves& out) {
  const auto of = *std::ranges::find(read_.shards, (*rows_)[from].shard, &owned_shard::shard);
  std::optional<outbox_position> passed;
  bool whole = true, on = true;
  for (auto i = from; i < to && on; ++i) {
    auto& at = (*rows_)[i].at;
    auto is = outcomes[i].is;
    // Mutants: what was handed over counts as told; what is refused is let go without a word.
    if (is == row_fate::unknown && mutant("retires_before_delivery")) is = row_fate::delivered;
    if (is == row_fate::refused && mutant("drops_what_is_refused")) is = row_fate::delivered;
    switch (is) {
    case row_fate::delivered:
      refused_.erase(of.shard);
      passed = at;
      break;
    case row_fate::refused:
      // It has a time of its own to be tried again, and only its shard waits for that.
      on = give_up(of.shard, at, now);
      if (!on) break;
      out.dead.push_back({i, static_cast<int32_t>(settings_.retries.size()) + 1, outcomes[i].why});
      passed = at;
      break;
    case row_fate::unknown: on = whole = false; break; // What stands behind it waits, too.
    }
  }
  if (passed) out.moves.push_back({of, *passed});
  return whole;
}

bool relay_core::give_up(uint16_t shard, const outbox_position& at, instant now) {
  auto& x = refused_[shard];
  if (x.at != at) x = {at, 0, {}};
  const auto tries = static_cast<size_t>(x.tries);
  if (tries >= settings_.retries.size()) {
    refused_.erase(shard);
    return true;
  }
  x.again_at = now + settings_.retries.at(tries);
  ++x.tries;
  return false;
}

void relay_core::failed() {
  behind_.clear();
  idle_ = millis{0};
  backoff_ = std::clamp(backoff_ * 2, settings_.failed_min, settings_.failed_max);
  pause_ = backoff_;
  rows_.reset();
}

void relay_core::done() {
  if (!whole_) return failed();
  backoff_ = millis{0};
  const bool found = rows_ && !rows_->empty();
  idle_ = found ? millis{0} : std::clamp(idle_ * 2, settings_.idle_min, settings_.idle_max);
  // What is behind is read on at once; else a moment's patience makes the next read a larger one.
  pause_ = !behind_.empty() ? millis{0} : found ? settings_.idle_min : idle_;
  rows_.reset();
}

} // namespace tk

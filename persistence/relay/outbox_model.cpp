#include "persistence/relay/outbox_model.hpp"

#include <algorithm>
#include <limits>

#include "actors/base/mutants.hpp"

namespace tk {

uint64_t outbox_model::begin() {
  running_.insert(next_xid_);
  return next_xid_++;
}

void outbox_model::commit(uint64_t xid, std::vector<outbox_row> rows) {
  for (auto& x : rows) {
    x.at = {xid, next_seq_++};
    auto& places = places_.at(x.shard);
    if (!places.empty() && x.at < places.rbegin()->first) ++out_of_order_;
    places.emplace(x.at, rows_.size());
    rows_.push_back(std::move(x));
  }
  end(xid);
}

uint64_t outbox_model::oldest_running() const {
  // Mutant: a row counts as soon as it is there, and what commits later behind it is skipped.
  if (running_.empty() || mutant("relays_past_writers"))
    return std::numeric_limits<uint64_t>::max();
  return *running_.begin();
}

outbox_rows outbox_model::read(const relay_read& x) const {
  outbox_rows out;
  auto shards = x.shards;
  std::ranges::sort(shards);
  for (auto& of : shards) {
    auto& places = places_.at(of.shard);
    int32_t left = x.per_shard;
    for (auto i = places.upper_bound(cursors_.at(of.shard)); i != places.end() && left > 0; ++i) {
      if (i->first.xid >= oldest_running()) break;
      out.push_back(rows_.at(i->second));
      --left;
    }
  }
  return out;
}

size_t outbox_model::held_back() const {
  size_t out = 0;
  for (size_t s = 0; s < places_.size(); ++s) {
    auto& places = places_.at(s);
    for (auto i = places.upper_bound(cursors_.at(s)); i != places.end(); ++i)
      out += i->first.xid >= oldest_running() ? 1 : 0;
  }
  return out;
}

cursors_moved outbox_model::move(const put_cursors& x,
                                 const std::array<int64_t, shard_count>& epochs) {
  cursors_moved out;
  std::set<uint16_t> moved;
  for (auto& y : x.moves.moves) {
    auto& cursor = cursors_.at(y.of.shard);
    if (y.to <= cursor || y.of.epoch != epochs.at(y.of.shard)) continue;
    cursor = y.to;
    moved.insert(y.of.shard);
  }
  for (auto& y : x.moves.dead) {
    auto& row = x.rows->at(y.row);
    if (!moved.contains(row.shard)) continue;
    ++out.dead;
    bury(x.consumer, row, y.why);
  }
  out.moved = std::ssize(moved);
  out.refused = std::ssize(x.moves.moves) - out.moved;
  return out;
}

void outbox_model::bury(const std::string& consumer, const outbox_row& row,
                        const std::string& why) {
  if (buried_.emplace(consumer, row.id).second) dead_.push_back({consumer, row, why, false});
}

} // namespace tk

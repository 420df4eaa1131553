#include "tests/simulation/database.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/simulation/asked.hpp"

namespace tk::sim {

namespace {

/// A node that has not beaten for so long may be replaced (architecture section 5).
constexpr millis dead_after{6000};

batch_result failed(batch_status x) { return {x, {}, "injected"}; }

} // namespace

database::database(agenda& time, dice& random, const fault_mix& faults)
    : model(time.now()), time_(time), dice_(random), faults_(faults) {
  model.rows.epochs.fill(0);
}

bool database::away(life who) const {
  auto here = [this](int32_t node) {
    auto i = away_until_.find(node);
    return i != away_until_.end() && time_.now() < i->second;
  };
  return here(0) || here(who.node);
}

void database::cut(int32_t node, millis length) { away_until_[node] = time_.now() + length; }

void database::announce(int32_t nodes) {
  for (int32_t n = 1; n <= nodes; ++n) roster_[n] = {0, time_.now()};
}

void database::heal() {
  faults_ = {};
  away_until_.clear();
}

millis database::delay() { return dice_.between(millis{0}, faults_.database_delay_max); }

batch_result database::run(const batch& what) {
  model.set_now(time_.now());
  auto out = model.execute(what);
  if (out.is == batch_status::committed && listener != nullptr) listener->committed(what, out);
  return out;
}

void database::run_late(session& x) {
  if (auto what = std::exchange(x.late, nullptr)) run(*what);
}

void database::answer_later(int32_t node, const std::function<void(batch_result)>& answer,
                            batch_result x) {
  if (on_batch) on_batch(node, true, in_words(x.is));
  time_.after(delay(), [answer, x = std::move(x)] { answer(x); });
}

void database::execute(life who, size_t lane, std::shared_ptr<const batch> what,
                       std::function<void(batch_result)> answer) {
  session_key key{who, lane};
  ops_of_node_[who.node] += what->ops.size();
  if (on_batch) on_batch(who.node, false, in_words(*what));
  if (away(who)) return answer_later(who.node, answer, failed(batch_status::not_connected));
  auto number = sessions_[key].number;
  time_.after(delay(), [=, this] { arrive(key, number, what, answer); });
}

void database::arrive(const session_key& key, uint64_t number,
                      const std::shared_ptr<const batch>& what,
                      const std::function<void(batch_result)>& answer) {
  auto& x = sessions_[key];
  // The connection was cut, or its backend ended by a successor, while the batch was on its way.
  if (x.number != number || away(key.first)) {
    ++lost_;
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  run_late(x); // The driver ends its old backend before anything else (H-04).
  if (faults_.strikes(&fault_mix::contended_ppm, dice_))
    return answer_later(key.first.node, answer, failed(batch_status::contended));
  if (faults_.strikes(&fault_mix::lost_before_ppm, dice_)) {
    ++lost_;
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  if (faults_.strikes(&fault_mix::lost_after_ppm, dice_)) {
    ++lost_;
    run(*what);
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  if (faults_.strikes(&fault_mix::lost_late_ppm, dice_)) {
    ++lost_;
    x.late = what;
    time_.after(dice_.between(millis{1}, millis{4000}), [=, this] {
      auto& now = sessions_[key];
      if (now.number == number && now.late == what) run_late(now);
    });
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  auto out = run(*what);
  if (out.is == batch_status::committed && !what->ops.empty() && crash &&
      faults_.strikes(&fault_mix::commit_crash_ppm, dice_) && crash(key.first.node))
    return; // Nobody is there to hear it.
  answer_later(key.first.node, answer, std::move(out));
}

void database::read(life who, std::function<void(bool)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    model.set_now(time_.now()); // Its clock goes on when nobody writes, too.
    answer(!away(who) && !faults_.strikes(&fault_mix::read_fails_ppm, dice_));
  });
}

void database::end_backends(int32_t node) {
  for (auto& [key, x] : sessions_) {
    if (key.first.node != node) continue;
    ++x.number;
    if (x.late && dice_.chance(500'000)) run_late(x); // It was faster than its end.
    x.late.reset();
  }
}

void database::take_over_from_the_dead(int32_t taker) {
  std::vector<int32_t> alive;
  for (auto& [node, row] : roster_)
    if (time_.now() - row.last_beat < dead_after) alive.push_back(node);
  auto living = [&](int32_t node) { return std::ranges::find(alive, node) != alive.end(); };
  std::vector<size_t> free;
  std::map<int32_t, size_t> held;
  for (size_t s = 0; s < owners_.size(); ++s) {
    if (owners_[s] == 0 || !living(owners_[s])) free.push_back(s);
    else ++held[owners_[s]];
  }
  auto share = (owners_.size() + alive.size() - 1) / alive.size();
  for (auto s : free) {
    if (held[taker] >= share) break;
    if (owners_[s] != 0) end_backends(owners_[s]);
    owners_[s] = taker;
    ++model.rows.epochs[s];
    ++held[taker];
    ++takeovers_;
  }
}

void database::beat(life who, std::function<void(std::optional<membership>)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    if (away(who)) return answer(std::nullopt);
    auto& row = roster_[who.node];
    if (row.incarnation > who.incarnation) {
      membership other;
      other.incarnation = row.incarnation;
      return answer(other);
    }
    bool returned = row.incarnation < who.incarnation;
    row = {who.incarnation, time_.now()};
    // A new life of a name ends the old one: its shards are taken from it like from anybody dead.
    if (returned)
      for (auto& owner : owners_)
        if (owner == who.node) {
          end_backends(who.node);
          owner = 0;
        }
    take_over_from_the_dead(who.node);
    membership out;
    out.incarnation = who.incarnation;
    out.at = time_.now();
    for (size_t s = 0; s < owners_.size(); ++s) {
      auto ours = owners_[s] == who.node;
      (ours ? out.epochs : out.peer_epochs)[s] = model.rows.epochs[s];
      out.owners[s] = ours || owners_[s] == 0 ? membership::nobody : owners_[s] - 1;
    }
    time_.after(delay(), [answer, out] { answer(out); });
  });
}

} // namespace tk::sim

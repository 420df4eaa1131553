#include "tests/simulation/database.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <variant>
#include <vector>

#include "persistence/ledger/model_timeline.hpp"
#include "tests/simulation/asked.hpp"
#include "tests/simulation/names.hpp"

namespace tk::sim {

namespace {

/// A node that has not beaten for so long may be replaced (architecture section 5).
constexpr millis dead_after{6000};

/// More commits than this are never lost at once.
constexpr size_t snapshots_max = 4;
constexpr int64_t cluster = 7'430;

batch_result failed(batch_status x) { return {x, {}, "injected"}; }

std::string in_hex(uint64_t position) {
  std::array<char, 32> text;
  auto n =
    std::snprintf(text.data(), text.size(), "0/%llX", static_cast<unsigned long long>(position));
  return {text.data(), static_cast<size_t>(n)};
}

std::string timeline_name(size_t x) {
  std::array<char, 32> text;
  auto n = std::snprintf(text.data(), text.size(), "%08zX", x);
  return {text.data(), static_cast<size_t>(n)};
}

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
  for (int32_t n = 1; n <= nodes; ++n) roster_[n] = {0, time_.now(), {}};
}

void database::heal() {
  faults_ = {};
  away_until_.clear();
  drained_.clear();
  pinned_.clear();
  even_wish_ = {};
}

void database::drain(int32_t node, bool on) {
  if (on) drained_.insert(node);
  else drained_.erase(node);
}

void database::pin(uint16_t shard, int32_t node) {
  if (node == 0) pinned_.erase(shard);
  else pinned_[shard] = node;
}

millis database::delay() { return dice_.between(millis{0}, faults_.database_delay_max); }

/// As PostgreSQL has it, whose snapshots know of it until it has ended, however it ends.
struct database::writer {
  outbox_model& to;
  uint64_t xid;
  explicit writer(outbox_model& x) : to(x), xid(x.begin()) {
    // nop
  }
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;
  ~writer() { to.end(xid); }
};

/// The domain events that a batch has written, from this one of the model's rows on.
void database::tell_rows(size_t from, const writer_ptr& as) {
  auto& rows = model.rows.outbox;
  std::vector<outbox_row> out;
  for (; from < rows.size(); ++from) {
    auto& to = out.emplace_back();
    to.shard = rows[from].shard;
    to.topic = rows[from].topic;
    to.key = rows[from].key;
    to.type = rows[from].type;
    to.id = {0xd0, ++events_};
    to.made_at = time_.now();
    to.body = "{}";
  }
  if (!out.empty()) outbox.commit(as ? as->xid : outbox.begin(), std::move(out));
}

batch_result database::run(int32_t node, const batch& what, const writer_ptr& as) {
  model.set_now(time_.now());
  auto told = model.rows.outbox.size();
  if (faults_.failover_ppm > 0 && !what.ops.empty()) remember_rows();
  auto out = model.execute(what);
  if (out.is == batch_status::committed && !what.ops.empty()) ++log_end_;
  if (out.is == batch_status::committed && tells) tell_rows(told, as);
  if (out.is == batch_status::committed && listener != nullptr)
    listener->committed(node, what, out);
  return out;
}

void database::run_late(int32_t node, session& x) {
  auto as = std::exchange(x.late_writer, nullptr);
  if (auto what = std::exchange(x.late, nullptr)) run(node, *what, as);
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
  // Its number may be of long before its commit; others that got theirs later are through by then.
  bool early =
    tells && faults_.early_number_ppm > 0 && faults_.strikes(&fault_mix::early_number_ppm, dice_);
  auto as = early ? std::make_shared<writer>(outbox) : nullptr;
  time_.after(delay(), [=, this] { arrive(key, number, what, as, answer); });
}

void database::arrive(const session_key& key, uint64_t number,
                      const std::shared_ptr<const batch>& what, const writer_ptr& as,
                      const std::function<void(batch_result)>& answer) {
  auto& x = sessions_[key];
  // The connection was cut, or its backend ended by a successor, while the batch was on its way.
  if (x.number != number || away(key.first)) {
    ++lost_;
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  run_late(key.first.node, x); // The driver ends its old backend before anything else (H-04).
  if (!may_write(x)) return answer_later(key.first.node, answer, failed(batch_status::read_only));
  if (has_lost(x) && !what->ops.empty() && listener != nullptr) listener->wrote_after_loss();
  if (faults_.strikes(&fault_mix::contended_ppm, dice_))
    return answer_later(key.first.node, answer, failed(batch_status::contended));
  if (faults_.strikes(&fault_mix::torn_ppm, dice_))
    return answer_later(key.first.node, answer, failed(batch_status::torn));
  if (faults_.strikes(&fault_mix::lost_before_ppm, dice_)) {
    ++lost_;
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  if (faults_.strikes(&fault_mix::lost_after_ppm, dice_)) {
    ++lost_;
    run(key.first.node, *what, as);
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  if (faults_.strikes(&fault_mix::lost_late_ppm, dice_)) {
    ++lost_;
    x.late = what;
    x.late_writer = tells && !as ? std::make_shared<writer>(outbox) : as;
    time_.after(dice_.between(millis{1}, millis{4000}), [=, this] {
      auto& now = sessions_[key];
      if (now.number == number && now.late == what) run_late(key.first.node, now);
    });
    return answer_later(key.first.node, answer, failed(batch_status::lost));
  }
  if (at_boundary && at_boundary(key.first.node, *what, false)) return;
  auto out = run(key.first.node, *what, as);
  if (out.is == batch_status::committed && at_boundary && at_boundary(key.first.node, *what, true))
    return;
  if (out.is == batch_status::committed && !what->ops.empty() && crash &&
      faults_.strikes(&fault_mix::commit_crash_ppm, dice_) && crash(key.first.node))
    return; // Nobody is there to hear it.
  answer_later(
    key.first.node,
    [=, this, at = log_end_, on = left_at_.size() + 1](const batch_result& said) {
      if (said.is == batch_status::committed) told(sessions_[key], *what, said, at, on);
      answer(said);
    },
    std::move(out));
}

// -- another server (F31) -------------------------------------------------------------------------

void database::remember_rows() {
  past_.push_back({log_end_, model.rows});
  if (past_.size() > snapshots_max) past_.pop_front();
}

void database::fail_over(size_t commits) {
  for (auto& [key, x] : sessions_) {
    ++x.number;
    x.late.reset();
    x.late_writer.reset();
  }
  commits = std::min(commits, past_.size());
  if (commits == 0) {
    left_at_.push_back(log_end_);
    past_.clear(); // Who was promoted has all of it, and so have its own standbys.
    return;
  }
  auto& then = past_[past_.size() - commits];
  auto epochs = model.rows.epochs;
  auto lost = log_end_ > then.log_end;
  model.rows = std::move(then.rows);
  model.rows.epochs = epochs;
  log_end_ = then.log_end;
  left_at_.push_back(log_end_);
  past_.clear();
  if (lost && listener != nullptr) listener->lost();
}

/// What the driver does on a new connection: the rule of production asks the model.
bool database::may_write(session& x) {
  auto now = left_at_.size() + 1;
  if (std::exchange(x.timeline, now) != now) {
    loss_watch::questions ask;
    ask.history = [this]() -> std::optional<std::string> {
      std::string out;
      for (size_t i = 0; i < left_at_.size(); ++i)
        out += std::to_string(i + 1) + "\t" + in_hex(left_at_[i]) + "\tpromoted\n";
      return out;
    };
    ask.has = [this](const acknowledged_op& promised) { return has_trace(model.rows, promised); };
    x.told.judge({cluster, timeline_name(now), 0}, ask);
  }
  bool may = x.told.suspicion().empty();
  if (!may && !has_lost(x) && listener != nullptr) listener->stopped_without_loss();
  return may;
}

void database::told(session& x, const batch& what, const batch_result& said, uint64_t at,
                    size_t on) {
  x.told.answered(what, said, {cluster, timeline_name(on), at});
  // The judge's own account of it: a promise is an `ok` that somebody will rely on.
  for (size_t i = 0; i < what.ops.size(); ++i) {
    auto& one = *what.ops[i];
    bool repeatable =
      std::holds_alternative<reread_items>(one) || std::holds_alternative<note_asked>(one) ||
      std::holds_alternative<settle_refund>(one) || std::holds_alternative<claim_key>(one);
    if (said.verdicts[i].is != outcome::ok || repeatable) continue;
    x.promised_at = at;
    x.promised_on = on;
  }
}

/// The last promise was made on a timeline that was left before it.
bool database::has_lost(const session& x) const {
  if (x.promised_on == 0) return false;
  for (auto i = x.promised_on; i <= left_at_.size(); ++i)
    if (left_at_[i - 1] < x.promised_at) return true;
  return false;
}

void database::read(life who, std::function<void(bool)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    model.set_now(time_.now()); // Its clock goes on when nobody writes, too.
    answer(!away(who) && !faults_.strikes(&fault_mix::read_fails_ppm, dice_));
  });
}

void database::work(life who, std::function<void()> what, std::function<void(bool)> answer) {
  time_.after(delay(), [=, this, what = std::move(what), answer = std::move(answer)] {
    bool reached = !away(who) && !faults_.strikes(&fault_mix::lost_before_ppm, dice_);
    if (reached) what();
    bool heard = reached && !faults_.strikes(&fault_mix::lost_after_ppm, dice_);
    time_.after(delay(), [=] { answer(heard); });
  });
}

void database::end_backends(int32_t node) {
  for (auto& [key, x] : sessions_) {
    if (key.first.node != node) continue;
    ++x.number;
    if (x.late && dice_.chance(500'000)) run_late(node, x); // It was faster than its end.
    x.late.reset();
    x.late_writer.reset();
  }
}

bool database::lives(int32_t node) const {
  auto row = roster_.find(node);
  return row != roster_.end() && time_.now() - row->second.last_beat < dead_after;
}

/// Those of who has gone may be at work still.
bool database::has_backends(int32_t node) const {
  auto at_work = [&](auto& x) { return x.first.first.node == node && x.second.late; };
  if (std::ranges::any_of(sessions_, at_work)) return true;
  auto row = roster_.find(node);
  if (row != roster_.end() && row->second.incarnation == 0) return true; // It is about to begin.
  return row != roster_.end() && runs && runs(node) && !away({node, row->second.incarnation});
}

/// A shard gets another owner, and with it another epoch.
void database::crown(size_t shard, int32_t node) {
  auto& epoch = model.rows.epochs.at(shard);
  if (auto i = reigns_.at(shard).find(epoch); i != reigns_.at(shard).end())
    i->second.ended = time_.now();
  owners_.at(shard) = node;
  reigns_.at(shard)[++epoch] = {node, {}};
}

database::reign database::reign_of(uint16_t shard, int64_t epoch) const {
  auto i = reigns_.at(shard).find(epoch);
  return i == reigns_.at(shard).end() ? reign{} : i->second;
}

std::optional<instant> database::last_beat(life who) const {
  auto i = roster_.find(who.node);
  if (i == roster_.end() || i->second.incarnation != who.incarnation) return std::nullopt;
  return i->second.beat_really;
}

bool database::is_free(size_t shard) const { return owners_[shard] == 0 || !lives(owners_[shard]); }

void database::take(life who, int32_t most, std::function<void(std::optional<int32_t>)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    if (away(who) || roster_[who.node].incarnation != who.incarnation) return answer(std::nullopt);
    int32_t count = 0;
    for (size_t s = 0; s < owners_.size() && count < most; ++s) {
      if (!is_free(s) || owners_[s] == who.node) continue;
      if (owners_[s] != 0) end_backends(owners_[s]);
      crown(s, who.node);
      ++takeovers_;
      ++count;
    }
    time_.after(delay(), [=] { answer(count); });
  });
}

given database::look_whose(life who, const give_shard& what) {
  auto owner = owners_.at(what.shard);
  auto epoch = model.rows.epochs.at(what.shard);
  auto ours = owner == who.node && epoch == what.epoch;
  return {ours ? given::end::kept : given::end::gone, owner == 0 ? node_id{} : id_of_node(owner),
          epoch};
}

void database::give(life who, const give_shard& what, std::function<void(given)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    bool looks = what.to.nil();
    auto answer_with = [=, this](given x) { time_.after(delay(), [=] { answer(x); }); };
    if (away(who) || faults_.strikes(&fault_mix::lost_before_ppm, dice_))
      return answer_with({looks ? given::end::unknown : given::end::kept, {}, 0});
    auto to = node_of(what.to);
    bool lives_still =
      roster_[who.node].incarnation == who.incarnation && lives(to) && !drained_.contains(to);
    if (!looks && lives_still && look_whose(who, what).is == given::end::kept) {
      crown(what.shard, to);
      ++gifts_;
    }
    bool unheard = !looks && faults_.strikes(&fault_mix::lost_after_ppm, dice_);
    answer_with(unheard ? given{} : look_whose(who, what));
  });
}

membership database::seen_by(life who) const {
  membership out;
  out.incarnation = who.incarnation;
  out.at = time_.now();
  out.life = number_of(who);
  std::map<int32_t, int32_t> index;
  for (auto& [node, row] : roster_) {
    if (lives(node)) out.lives.push_back(number_of({node, row.incarnation}));
    if (node == who.node || (!lives(node) && std::ranges::count(owners_, node) == 0)) continue;
    index[node] = static_cast<int32_t>(out.peers.size());
    out.peers.push_back({id_of_node(node),
                         row.incarnation,
                         {std::to_string(node), "sim"},
                         lives(node),
                         drained_.contains(node)});
  }
  out.self = id_of_node(who.node);
  out.draining = drained_.contains(who.node);
  for (auto& [shard, node] : pinned_) out.wanted.push_back({shard, id_of_node(node)});
  out.even_wish = even_wish_;
  for (size_t s = 0; s < owners_.size(); ++s) {
    auto ours = owners_[s] == who.node;
    if (ours) out.epochs[s] = model.rows.epochs[s];
    else out.free += is_free(s) ? 1 : 0;
    if (ours || owners_[s] == 0) continue;
    out.peer_epochs[s] = model.rows.epochs[s];
    out.owners[s] = index.at(owners_[s]);
  }
  return out;
}

void database::beat(life who, const beat_once& what,
                    std::function<void(std::optional<membership>)> answer) {
  time_.after(delay(), [=, this, answer = std::move(answer)] {
    if (away(who)) return answer(std::nullopt);
    auto& row = roster_[who.node];
    if (row.incarnation > who.incarnation) {
      membership other;
      other.incarnation = row.incarnation;
      return answer(other);
    }
    bool returned = row.incarnation < who.incarnation;
    row = {who.incarnation, time_.now(), time_.now()};
    // A new life of a name ends the old one: its shards are taken from it like from anybody dead.
    if (returned)
      for (auto& owner : owners_)
        if (owner == who.node) {
          end_backends(who.node);
          owner = 0;
        }
    if (what.evened == even_wish_) even_wish_ = {};
    for (auto& x : what.unreached) {
      auto gone = roster_.find(node_of(x));
      if (gone == roster_.end() || !lives(gone->first) || has_backends(gone->first)) continue;
      gone->second.last_beat = time_.now() - dead_after;
      ++buried_;
    }
    auto out = seen_by(who);
    time_.after(delay(), [answer, out] { answer(out); });
  });
}

} // namespace tk::sim

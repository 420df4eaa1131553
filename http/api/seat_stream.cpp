#include "http/api/seat_stream.hpp"

#include <algorithm>
#include <utility>

namespace tk::http {

namespace {

/// From which versions count.
constexpr instant beginning = from_ms(1'735'689'600'000); // 2025-01-01.
/// Of a version, beside the millisecond in which it began. Both fit a JSON number until 2094.
constexpr unsigned random_bits = 12;

std::string begin_data(uint64_t version, std::string_view list) {
  std::string out = "{\"version\":" + std::to_string(version) + ",\"";
  out.append(list).append("\":[");
  return out;
}

} // namespace

void seat_feed::refresh() {
  auto now = from_.clock.now();
  if (version_ != 0 && now >= read_at_ && now - read_at_ < pace) return;
  read_at_ = now;
  auto plan = from_.maps.plan(event_);
  auto boards_version = from_.boards.seats_version(event_); // Before they are read.
  if (!plan || (plan == plan_ && boards_version == boards_version_)) return;
  bool known = plan_ && (plan == plan_ || plan->same_list(*plan_));
  plan_ = std::move(plan);
  boards_version_ = boards_version;
  auto statuses = plan_->statuses(from_.boards);
  if (known) return take(std::move(statuses), now);
  begin_version(now);
  steps_.clear();
  rows_kept_ = 0;
  statuses_ = std::move(statuses);
}

void seat_feed::take(std::vector<uint8_t> statuses, instant now) {
  step change;
  for (size_t row = 0; row < statuses.size(); ++row)
    if (statuses[row] != statuses_[row]) change.rows.push_back(static_cast<uint32_t>(row));
  if (change.rows.empty()) return;
  change.since = version_;
  begin_version(now);
  statuses_ = std::move(statuses);
  rows_kept_ += change.rows.size();
  steps_.push_back(std::move(change));
  forget_old();
}

/// Milliseconds, then chance: so a version of another node is not taken for one of ours, and one
/// that is given after a restart is greater, however short that was.
void seat_feed::begin_version(instant now) {
  auto began = static_cast<uint64_t>(std::max(now - beginning, millis{0}) / millis{1});
  began = std::max(began, (version_ >> random_bits) + 1);
  auto chance = from_.random.next() & ((uint64_t{1} << random_bits) - 1);
  version_ = (began << random_bits) | chance;
  snapshot_ = nullptr;
  deltas_.clear();
}

/// What takes as many changes as there are seats is told by a snapshot.
void seat_feed::forget_old() {
  while (steps_.size() > steps_max || rows_kept_ > statuses_.size()) {
    rows_kept_ -= steps_.front().rows.size();
    steps_.pop_front();
  }
}

stream_frame_ptr seat_feed::snapshot() {
  if (snapshot_) return snapshot_;
  constexpr size_t seat_size = 200;
  auto data = begin_data(version_, "seats");
  data.reserve(data.size() + statuses_.size() * seat_size);
  for (size_t row = 0; row < statuses_.size(); ++row) {
    if (row != 0) data += ',';
    plan_->append_seat(data, row, statuses_[row]);
  }
  data += "]}";
  snapshot_ = event_frame("snapshot", version_, data);
  return snapshot_;
}

stream_frame_ptr seat_feed::delta(uint64_t since) {
  if (auto made = deltas_.find(since); made != deltas_.end()) return made->second;
  auto i = std::ranges::find(steps_, since, &step::since);
  if (i == steps_.end()) return nullptr;
  std::vector<uint32_t> rows;
  for (; i != steps_.end(); ++i) rows.insert(rows.end(), i->rows.begin(), i->rows.end());
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  auto data = begin_data(version_, "changes");
  for (size_t n = 0; n < rows.size(); ++n) {
    if (n != 0) data += ',';
    plan_->append_change(data, rows[n], statuses_[rows[n]]);
  }
  data += "]}";
  return deltas_[since] = event_frame("delta", version_, data);
}

std::shared_ptr<seat_feed> seat_feeds::of(event_id event, const seat_feed::sources& from) {
  std::lock_guard guard{mutex_};
  std::erase_if(feeds_, [](auto& x) { return x.second.expired(); });
  auto& known = feeds_[event];
  auto out = known.lock();
  if (out) return out;
  out = std::make_shared<seat_feed>(event, from);
  known = out;
  return out;
}

event_stream::step seat_stream::next(steady::time_point) {
  feed_->refresh();
  if (told_ == feed_->version()) return {};
  auto frame = told_ ? feed_->delta(*told_) : nullptr;
  if (!frame) frame = feed_->snapshot();
  told_ = feed_->version();
  return {std::move(frame), false};
}

} // namespace tk::http

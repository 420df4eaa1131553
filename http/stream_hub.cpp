#include "http/stream_hub.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <utility>

#include "http/request.hpp"
#include "logging/log.hpp"

namespace tk::http {

namespace {

constexpr std::string_view last_chunk = "0\r\n\r\n";

} // namespace

stream_hub::stream_hub(stream_options options, slow_writer& writer,
                       std::shared_ptr<stream_probe> probe,
                       std::function<void(const ended_stream&)> on_end)
    : options_(options),
      writer_(writer),
      probe_(std::move(probe)),
      on_end_(std::move(on_end)),
      comment_(std::make_shared<const stream_frame>(":\n\n")) {
  // nop
}

stream_hub::~stream_hub() { stop(); }

void stream_hub::start() {
  running_ = true;
  thread_ = std::thread([this] { run(); });
}

void stream_hub::end_all() {
  std::lock_guard lock(mutex_);
  ending_ = true;
  wake_.notify_one();
}

void stream_hub::stop() {
  {
    std::lock_guard lock(mutex_);
    running_ = false;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool stream_hub::add(opened_stream x) {
  entry fresh;
  static_cast<opened_stream&>(fresh) = std::move(x);
  fresh.opened = steady::now();
  fresh.comment_at = fresh.opened + options_.comment;
  std::lock_guard lock(mutex_);
  if (!running_) return false;
  ++probe_->open;
  arrived_.push_back(std::move(fresh));
  wake_.notify_one();
  return true;
}

void stream_hub::run() {
  entries all;
  bool ending = false;
  auto next_beat = steady::now();
  std::unique_lock lock(mutex_);
  auto called = [&] { return !running_ || !arrived_.empty() || ending_ != ending; };
  while (running_) {
    if (all.empty()) wake_.wait(lock, called);
    else wake_.wait_until(lock, next_beat, called);
    auto known = all.size();
    std::move(arrived_.begin(), arrived_.end(), std::back_inserter(all));
    arrived_.clear();
    bool all_end = std::exchange(ending, ending_) != ending;
    lock.unlock();
    auto now = steady::now();
    if (ending)
      for (auto& x : all)
        if (!x.end) x.end = stream_end::shut_down;
    bool due = now >= next_beat;
    beat(all, due || all_end ? 0 : known, now);
    if (due) {
      bound_held(all);
      next_beat = now + options_.beat;
    }
    lock.lock();
  }
  std::move(arrived_.begin(), arrived_.end(), std::back_inserter(all));
  arrived_.clear();
  lock.unlock();
  for (auto& x : all) {
    x.end = stream_end::shut_down;
    take_leave(x, steady::now());
  }
}

/// Asks the streams from `first` on, and forgets those that are gone.
void stream_hub::beat(entries& all, size_t first, steady::time_point now) {
  for (auto i = first; i < all.size(); ++i) {
    auto& x = all[i];
    try {
      ask(x, now);
    } catch (const std::exception& e) { // Out of memory, say: one stream ends, not the thread.
      log_line(log_level::error, "http", "stream_given_up").text("what", e.what());
      std::lock_guard lock(x.to->mutex);
      x.to->abort();
      x.end = stream_end::cut_off;
      x.gone = true;
    }
    if (x.gone) take_leave(x, now);
  }
  std::erase_if(all, [](const entry& x) { return x.gone; });
}

void stream_hub::ask(entry& x, steady::time_point now) {
  if (!ready(x)) return;
  if (!x.end) {
    auto step = x.what->next(now);
    if (step.frame) write(x, step.frame, now);
    else if (now >= x.comment_at) {
      x.comment_at = now + options_.comment;
      write(x, comment_, now);
    }
    if (step.over && !x.end) x.end = stream_end::told;
  }
  if (x.end && !x.gone && ready(x)) finish(x, now);
}

/// Whether all is written out.
bool stream_hub::ready(entry& x) const {
  std::lock_guard lock(x.to->mutex);
  if (x.to->at != phase::streaming) lost(x);
  else if (x.to->out.size() == 0) x.frame = nullptr;
  else return false;
  return !x.gone;
}

void stream_hub::lost(entry& x) {
  if (!x.end || *x.end == stream_end::told) x.end = stream_end::left;
  if (x.to->cut_off) x.end = stream_end::cut_off;
  x.gone = true;
}

void stream_hub::write(entry& x, const stream_frame_ptr& frame, steady::time_point now) {
  auto& c = *x.to;
  std::lock_guard lock(c.mutex);
  if (c.at != phase::streaming) return lost(x);
  if (x.chunked) c.out.shared = {frame, &frame->chunk()};
  else c.out.body = frame->events();
  ++probe_->frames;
  switch (c.flush()) {
  case flush_result::all: c.out = {}; return;
  case flush_result::partly:
    x.frame = frame;
    x.framed_at = now;
    if (writer_.add(x.to)) return;
    c.cut_off = true;
    break;
  case flush_result::broken: break;
  }
  c.abort();
  lost(x);
}

/// Makes an ordinary answer of it, of which only the end is missing.
void stream_hub::finish(entry& x, steady::time_point now) {
  auto& c = *x.to;
  bool more = false;
  {
    std::lock_guard lock(c.mutex);
    if (c.at != phase::streaming) return lost(x);
    x.gone = true;
    c.at = phase::busy;
    c.close_after = c.close_after || !x.chunked || x.end == stream_end::shut_down;
    if (x.chunked) c.out.head = last_chunk;
    switch (c.flush()) {
    case flush_result::all: more = c.finish(now); break;
    case flush_result::partly:
      if (!writer_.add(x.to)) c.abort();
      break;
    case flush_result::broken: c.abort(); break;
    }
  }
  if (more) writer_.resume(x.to);
}

/// Whoever has been at a frame for the longest goes first, until the frames fit the bound.
void stream_hub::bound_held(entries& all) {
  struct held {
    steady::time_point since;
    std::vector<entry*> by;
  };
  std::map<const stream_frame*, held> frames;
  size_t bytes = 0;
  for (auto& x : all) {
    if (!x.frame) continue;
    auto& one = frames[x.frame.get()];
    if (one.by.empty()) bytes += x.frame->chunk().size();
    if (one.by.empty() || x.framed_at < one.since) one.since = x.framed_at;
    one.by.push_back(&x);
  }
  while (bytes > options_.held_bytes_max) {
    auto oldest = std::ranges::min_element(frames, {}, [](auto& i) { return i.second.since; });
    bytes -= oldest->first->chunk().size();
    for (auto* x : oldest->second.by) {
      std::lock_guard lock(x->to->mutex);
      if (x->to->at != phase::streaming || x->to->out.size() == 0) continue; // Just written out.
      x->to->cut_off = true;
      x->to->abort();
    }
    frames.erase(oldest);
  }
}

void stream_hub::take_leave(entry& x, steady::time_point now) {
  uint64_t sent = 0;
  {
    std::lock_guard lock(x.to->mutex);
    sent = x.to->sent_total - x.sent_before;
  }
  if (x.end == stream_end::cut_off) ++probe_->cut_off;
  on_end_({*x.of, x.end.value_or(stream_end::left), sent,
           std::chrono::duration<double>(now - x.opened).count()});
  x.what = nullptr;
  x.of = nullptr; // Its place is free before anybody reads that it is.
  --probe_->open;
}

} // namespace tk::http

#include "http/slow_writer.hpp"

#include <array>
#include <stdexcept>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace tk::http {

namespace {

constexpr uint64_t wake_id = 0;

/// There is something to be written to it; its mutex is held.
bool answering(const connection& x) { return x.at == phase::busy || x.at == phase::streaming; }

} // namespace

slow_writer::slow_writer(slow_writer_options options,
                         std::function<void(steady::time_point)> on_tick,
                         std::function<void(const connection_ptr&)> on_resume)
    : options_(options),
      on_tick_(std::move(on_tick)),
      on_resume_(std::move(on_resume)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event x{};
  x.events = EPOLLIN;
  x.data.u64 = wake_id;
  if (epoll_ < 0 || event_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &x) != 0)
    throw std::runtime_error("no descriptors left for the writer");
}

slow_writer::~slow_writer() {
  stop();
  ::close(epoll_);
  ::close(event_);
}

void slow_writer::start() {
  thread_ = std::thread([this] { run(); });
}

void slow_writer::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) thread_.join();
  std::lock_guard lock(mutex_);
  entries_.clear();
  resumed_.clear();
  bytes_ = 0;
}

void slow_writer::wake() {
  uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(event_, &one, sizeof(one));
}

bool slow_writer::add(const connection_ptr& x) {
  auto bytes = x->out.own_bytes();
  std::lock_guard lock(mutex_);
  if (stopping_ || bytes_ + bytes > options_.bytes_max) return false;
  auto id = next_id_++;
  epoll_event e{};
  e.events = EPOLLOUT;
  e.data.u64 = id;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, x->fd(), &e) != 0) return false;
  bytes_ += bytes;
  x->progress = steady::now();
  entries_.emplace(id, entry{x, bytes, x->progress});
  return true;
}

void slow_writer::resume(const connection_ptr& x) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    resumed_.push_back(x);
  }
  wake();
}

size_t slow_writer::pending() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

void slow_writer::run() {
  std::array<epoll_event, 64> events{};
  auto next_tick = steady::now() + options_.tick;
  while (!stopping_) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(next_tick - steady::now()).count();
    auto n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                        static_cast<int>(std::max<int64_t>(0, left)));
    for (int i = 0; i < n; ++i) {
      if (auto id = events[static_cast<size_t>(i)].data.u64; id != wake_id) write(id);
      else
        while (::read(event_, &id, sizeof(id)) > 0) {
          // nop
        }
    }
    run_resumed();
    auto now = steady::now();
    if (now < next_tick) continue;
    next_tick = now + options_.tick;
    cut_stalled(now);
    on_tick_(now);
  }
}

/// A socket takes bytes again, or is broken.
void slow_writer::write(uint64_t id) {
  connection_ptr to;
  {
    std::lock_guard lock(mutex_);
    auto i = entries_.find(id);
    if (i == entries_.end()) return;
    to = i->second.to;
  }
  bool more = false;
  {
    std::lock_guard lock(to->mutex);
    if (!answering(*to)) {
      remove(id);
      return;
    }
    auto before = to->out.sent;
    auto done = to->flush();
    auto now = steady::now();
    if (to->out.sent != before) to->progress = now;
    if (done == flush_result::partly) return;
    remove(id);
    if (done == flush_result::broken) to->abort();
    else if (to->at == phase::streaming) to->out = {};
    else more = to->finish(now);
  }
  if (more) on_resume_(to);
}

void slow_writer::remove(uint64_t id) {
  connection_ptr last; // Destroyed after the lock is gone.
  std::lock_guard lock(mutex_);
  auto i = entries_.find(id);
  if (i == entries_.end()) return;
  last = i->second.to;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, last->fd(), nullptr);
  bytes_ -= i->second.bytes;
  entries_.erase(i);
}

void slow_writer::cut_stalled(steady::time_point now) {
  std::vector<std::pair<uint64_t, entry>> all;
  {
    std::lock_guard lock(mutex_);
    if (entries_.empty()) return;
    all.assign(entries_.begin(), entries_.end());
  }
  for (auto& [id, x] : all) {
    std::lock_guard lock(x.to->mutex);
    auto dead = !answering(*x.to);
    if (!dead && now - x.to->progress < options_.stall && now - x.added < options_.total) continue;
    remove(id);
    if (dead) continue;
    x.to->cut_off = true;
    x.to->abort();
  }
}

void slow_writer::run_resumed() {
  std::vector<connection_ptr> now;
  {
    std::lock_guard lock(mutex_);
    now.swap(resumed_);
  }
  for (auto& x : now) on_resume_(x);
}

} // namespace tk::http

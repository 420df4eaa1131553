#include "http/service.hpp"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "http/docs_page.hpp"
#include "http/notices_page.hpp"
#include "http/openapi.hpp"

namespace tk::http {

namespace {

constexpr auto linger = std::chrono::seconds(5);
constexpr auto sweep_interval = std::chrono::seconds(1);

using document_slot = std::shared_ptr<std::shared_ptr<const std::string>>;

/// Adds the routes that describe the others; the body is filled in when the table is known.
std::vector<route> with_description(std::vector<route> routes, const document_slot& doc) {
  route x;
  x.path = "/openapi.json";
  x.name = "openapi";
  x.summary = "This description.";
  x.tag = "system";
  x.response_schema = R"({"type":"object","required":["openapi","info","paths","components"]})";
  x.run = [doc](const exchange_ptr& e) { e->respond(json_shared(*doc)); };
  routes.push_back(std::move(x));
  add_docs_routes(routes);
  add_notices_page_routes(routes); // On every page, also of the description.
  return routes;
}

route_table make_table(std::vector<route> routes, bool cookies) {
  auto doc = std::make_shared<std::shared_ptr<const std::string>>();
  route_table out(with_description(std::move(routes), doc));
  *doc = std::make_shared<const std::string>(openapi_document(out, cookies));
  return out;
}

slow_writer_options writer_options(const server_options& x) {
  slow_writer_options out;
  out.bytes_max = x.pending_bytes_max;
  out.stall = x.stall_timeout;
  return out;
}

/// Counts whoever is in a scope.
class counted {
public:
  explicit counted(std::atomic<size_t>& n) : n_(n) { ++n_; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { --n_; }

private:
  std::atomic<size_t>& n_;
};

} // namespace

service::service(server_options options, std::vector<route> routes, server_context context)
    : options_(std::move(options)),
      context_(std::move(context)),
      table_(make_table(std::move(routes), options_.cookies)),
      limiter_(options_.limits),
      log_(options_.log_share_percent, context_.meters),
      writer_(
        writer_options(options_), [this](steady::time_point now) { tick(now); },
        [this](const connection_ptr& c) { resume(c); }),
      slots_(options_.streams, stream_probe_),
      streams_(options_.stream, writer_, stream_probe_,
               [this](const ended_stream& x) { stream_ended(x); }) {
  for (auto& x : table_.routes()) {
    one_body_limit_ = one_body_limit_ && x.body_limit == table_.routes().front().body_limit;
    body_limit_max_ = std::max(body_limit_max_, x.body_limit);
  }
  context_.meters.bind(table_);
  add_stream_metrics(context_.meters, stream_probe_);
}

service::~service() { stop(); }

void service::start() {
  last_sweep_ = steady::now();
  writer_.start();
  streams_.start();
}

void service::retire() { retiring_ = true; }

void service::drain() {
  draining_ = true;
  streams_.end_all();
  auto until = steady::now() + options_.drain_timeout;
  auto open = [this] {
    return in_flight_ > 0 || delivering_ > 0 || streams_.open() > 0 || writer_.pending() > 0;
  };
  while (open() && steady::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void service::stop() {
  draining_ = true;
  stopped_ = true;
  streams_.stop();
  for (auto& shard : clients_) {
    std::unordered_map<const connection*, connection_ptr> all;
    {
      std::lock_guard lock(shard.mutex);
      all.swap(shard.open);
    }
    for (auto& [key, c] : all) {
      std::lock_guard lock(c->mutex);
      c->abort();
    }
  }
  writer_.stop();
}

// -- connections -------------------------------------------------------------------------------

service::connection_shard& service::shard_of(const connection& c) {
  return clients_[static_cast<size_t>(c.fd()) % shard_count];
}

/// Ends the one that has waited longest for a request, or for the rest of one, of the address that
/// holds most places; false when all are at work.
bool service::make_room() {
  std::vector<connection_ptr> waiting;
  std::map<std::string, size_t> of; // Places by address.
  for (auto& shard : clients_) {
    std::lock_guard lock(shard.mutex);
    for (auto& [key, c] : shard.open) {
      ++of[c->address];
      std::unique_lock one(c->mutex, std::try_to_lock);
      if (one && c->at == phase::reading && !c->looping) waiting.push_back(c);
    }
  }
  auto rank = [&](const connection_ptr& c) { return std::pair{of[c->address], c->no}; };
  std::ranges::sort(waiting, [&](auto& x, auto& y) {
    auto [x_places, x_no] = rank(x);
    auto [y_places, y_no] = rank(y);
    return x_places != y_places ? x_places > y_places : x_no < y_no;
  });
  for (auto& c : waiting) {
    std::lock_guard lock(c->mutex);
    if (c->at != phase::reading || c->looping) continue; // Its request has come meanwhile.
    c->abort();
    return true;
  }
  return false;
}

connection_ptr service::opened(int socket, std::string address) {
  bool full = connections_.fetch_add(1) >= options_.connections_max;
  if (stopped_ || (full && !(options_.make_room && make_room()))) {
    --connections_;
    return nullptr;
  }
  auto c = std::make_shared<connection>(socket, std::move(address), options_.head_bytes_max);
  if (!c->valid()) {
    --connections_;
    return nullptr;
  }
  c->since = steady::now();
  c->no = ++last_no_;
  auto& shard = shard_of(*c);
  std::lock_guard lock(shard.mutex);
  shard.open.emplace(c.get(), c);
  return c;
}

void service::closed(const connection_ptr& c) {
  --connections_;
  {
    auto& shard = shard_of(*c);
    std::lock_guard lock(shard.mutex);
    shard.open.erase(c.get());
  }
  std::lock_guard lock(c->mutex);
  c->input_ended = true;
  if (c->at != phase::busy) c->abort();
}

void service::received(const connection_ptr& c, std::string_view bytes) {
  std::unique_lock lock(c->mutex);
  if (c->at == phase::closing || c->at == phase::dead) return;
  if (c->at != phase::reading || c->looping) return c->stash(bytes);
  take_requests(c, bytes, lock);
}

void service::resume(const connection_ptr& c) {
  std::unique_lock lock(c->mutex);
  if (c->at == phase::reading && !c->looping) take_requests(c, {}, lock);
}

/// Works through `bytes`, then through what came in meanwhile, one request after the other. The
/// lock is released while a request is dispatched; `looping` keeps others out.
void service::take_requests(const connection_ptr& c, std::string_view bytes,
                            std::unique_lock<std::mutex>& lock) {
  c->looping = true;
  std::string held;
  while (c->at == phase::reading) {
    if (bytes.empty() && !c->input.pending()) {
      if (c->early.empty()) break;
      held.swap(c->early);
      c->early.clear();
      bytes = held;
    }
    step(c, bytes, lock);
  }
  c->looping = false;
  if (!bytes.empty() && (c->at == phase::busy || c->at == phase::streaming)) {
    std::string later;
    later.swap(c->early);
    c->stash(bytes);
    c->stash(later);
  }
}

void service::step(const connection_ptr& c, std::string_view& bytes,
                   std::unique_lock<std::mutex>& lock) {
  if (c->input.clean()) c->since = steady::now();
  size_t used = 0;
  auto what = c->input.feed(bytes, used);
  bytes.remove_prefix(used);
  switch (what) {
  case framing_step::more: return;
  case framing_step::head: return on_head(*c);
  case framing_step::done: return on_complete(c, lock);
  case framing_step::failed: return on_broken(c, c->input.error(), lock);
  }
}

/// The head is known: how large may the body be, and does the client wait for leave to send it?
void service::on_head(connection& c) {
  auto limit = body_limit_max_;
  if (!one_body_limit_) {
    request peek;
    peek.head = c.input.head();
    if (parse_head(peek))
      if (auto m = table_.match(peek.verb, peek.path); m.hit != nullptr) limit = m.hit->body_limit;
  }
  c.input.body_limit(limit);
  if (c.input.expects_continue() && !c.input.exceeds_limit() &&
      !c.send_now("HTTP/1.1 100 Continue\r\n\r\n"))
    c.abort();
}

std::shared_ptr<live_exchange> service::make_exchange(const connection_ptr& c) {
  auto x = std::make_shared<live_exchange>(shared_from_this(), c);
  x->shard = static_cast<size_t>(c->fd()) % shard_count;
  x->started_ = steady::now();
  x->deadline_ = x->started_ + options_.deadline;
  x->keep_alive = c->input.keep_alive();
  x->request_.arrived = context_.clock.now();
  x->request_.peer_address = c->address;
  return x;
}

void service::on_complete(const connection_ptr& c, std::unique_lock<std::mutex>& lock) {
  auto x = make_exchange(c);
  c->input.take(x->request_.head, x->request_.body);
  c->at = phase::busy;
  c->since = x->started_;
  lock.unlock();
  serve(x, parse_head(x->request_));
  x.reset(); // Outside the lock: it may be the last pointer, and then it answers.
  lock.lock();
}

/// Answers a request that cannot be understood, as far as it came, and closes.
void service::on_broken(const connection_ptr& c, ec why, std::unique_lock<std::mutex>& lock) {
  auto x = make_exchange(c);
  x->keep_alive = false;
  x->request_.head = c->input.head();
  c->at = phase::busy;
  lock.unlock();
  parse_head(x->request_); // For its origin; how far that goes does not matter.
  x->request_.request_id = make_request_id(x->request_);
  begin_span(x->request_, context_.random, context_.traces);
  x->respond(why == ec::late ? error_answer(408, "REQUEST_TIMEOUT", "The request did not arrive")
                             : error_answer(why));
  x.reset();
  lock.lock();
}

// -- answers -----------------------------------------------------------------------------------

void service::end_span(live_exchange& x, const answer& a) const {
  auto route = x.route_ != nullptr ? table_.label(*x.route_) : "UNKNOWN";
  x.request_.span.about(std::string{to_string(x.request_.verb)} + " " + std::string{route} + " " +
                        std::to_string(a.status));
  x.request_.span.end(a.status >= 500);
}

void service::deliver(live_exchange& x, answer&& a) {
  forget(x);
  const counted on_its_way(delivering_); // Before it is in flight no more: `drain` waits for it.
  --in_flight_;
  if (stopped_) return;
  auto& c = *x.to;
  auto now = steady::now();
  auto seconds = std::chrono::duration<double>(now - x.started_).count();
  auto row = x.route_ != nullptr ? table_.index(*x.route_) : table_.routes().size();
  context_.meters.observe(row, to_string(x.request_.verb), a.status, seconds);
  if (x.request_.span) end_span(x, a);
  if (a.stream && x.request_.verb != method::head) return open_stream(x, a);
  log_.answered(x, a, x.route_ != nullptr ? table_.label(*x.route_) : "UNKNOWN", seconds);
  bool more = false;
  {
    std::unique_lock lock(c.mutex);
    if (c.at != phase::busy) return;
    auto keep = x.keep_alive && !c.close_after && !c.input_ended && !draining_ && !retiring_;
    c.close_after = !keep;
    lock.unlock(); // Only this exchange may touch `out` while the phase is busy.
    outgoing out;
    compose(x, a, keep, out);
    lock.lock();
    if (c.at != phase::busy) return;
    c.out = std::move(out);
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

/// The head goes out, then the connection belongs to the streams.
void service::open_stream(live_exchange& x, answer& a) {
  auto& c = *x.to;
  opened_stream fresh{x.to, x.shared_from_this(), a.stream, x.request_.minor_version > 0, 0};
  bool keep = x.keep_alive && fresh.chunked && !draining_ && !retiring_;
  outgoing out;
  compose(x, a, keep, out);
  // Those whom one server loses do not all come back at the same moment.
  constexpr uint64_t soonest_ms = 2000, spread_ms = 2000;
  auto retry = soonest_ms + context_.random.next() % spread_ms;
  const stream_frame hint("retry: " + std::to_string(retry) + "\n\n");
  out.body = fresh.chunked ? hint.chunk() : std::string(hint.events());
  {
    std::lock_guard lock(c.mutex);
    fresh.sent_before = c.sent_total;
    if (c.at == phase::busy && c.input_ended) c.abort(); // Nobody is there to listen.
    const bool begins = c.at == phase::busy;
    if (begins) {
      c.close_after = c.close_after || !keep;
      c.tune_for_stream();
      c.at = phase::streaming;
      c.out = std::move(out);
    }
    // It counts as open before its client can know that it is.
    if (!streams_.add(std::move(fresh))) return c.abort();
    if (!begins) return;
    auto done = c.flush();
    if (done == flush_result::all) c.out = {};
    else if (done == flush_result::broken || !writer_.add(x.to)) c.abort();
  }
}

void service::stream_ended(const ended_stream& x) {
  auto route = x.of.route_;
  log_.stream_ended(x, route != nullptr ? table_.label(*route) : "UNKNOWN");
}

live_exchange::live_exchange(std::shared_ptr<service> owner, connection_ptr c)
    : to(std::move(c)), owner_(std::move(owner)) {
  ++owner_->in_flight_;
}

live_exchange::~live_exchange() { abandon(); }

void live_exchange::deliver(answer&& a) { owner_->deliver(*this, std::move(a)); }

// -- deadlines ---------------------------------------------------------------------------------

/// Puts an unanswered exchange on the list of those that will be answered when time is up.
void service::wait_for(live_exchange& x) {
  x.listed = true; // Before looking at `answered`, as `respond` does it the other way round.
  auto& shard = deadlines_[x.shard];
  std::lock_guard lock(shard.mutex);
  if (x.answered()) return;
  x.place = shard.open.insert(shard.open.end(), &x);
  x.linked = true;
}

void service::forget(live_exchange& x) {
  if (!x.listed) return;
  auto& shard = deadlines_[x.shard];
  std::lock_guard lock(shard.mutex);
  if (x.linked) shard.open.erase(x.place);
  x.linked = false;
}

void service::tick(steady::time_point now) {
  expire(now);
  if (now - last_sweep_ < sweep_interval) return;
  last_sweep_ = now;
  sweep(now);
}

void service::expire(steady::time_point now) {
  for (auto& shard : deadlines_) {
    std::vector<exchange_ptr> late;
    {
      std::lock_guard lock(shard.mutex);
      for (auto x : shard.open) {
        if (x->route_ && x->route_->patient && x->deadline_ > now) continue; // Others are first.
        if (x->deadline_ > now) break;
        // An exchange in its destructor cannot be locked; it answers itself.
        if (auto held = x->weak_from_this().lock()) late.push_back(std::move(held));
      }
    }
    // What may have been handed on may still happen.
    for (auto& x : late) x->fail(changes_state(x->req().verb) ? ec::unknown : ec::late);
  }
}

void service::sweep(steady::time_point now) {
  for (auto& shard : clients_) {
    std::vector<connection_ptr> all;
    {
      std::lock_guard lock(shard.mutex);
      all.reserve(shard.open.size());
      for (auto& [key, c] : shard.open) all.push_back(c);
    }
    for (auto& c : all) sweep_one(c, now);
  }
}

void service::sweep_one(const connection_ptr& c, steady::time_point now) {
  std::unique_lock lock(c->mutex, std::try_to_lock);
  if (!lock) return; // In use, so not idle.
  auto age = now - c->since;
  if (c->at == phase::closing && age > linger) c->abort();
  if (c->at != phase::reading || c->looping) return;
  if (c->input.clean() && age > options_.idle_timeout) c->abort();
  else if (!c->input.clean() && age > options_.request_timeout) on_broken(c, ec::late, lock);
}

} // namespace tk::http

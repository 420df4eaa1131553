#include "tests/simulation/farm.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace tk::sim {

namespace {

using nlohmann::json;
using wall = std::chrono::steady_clock;

struct worker {
  pid_t pid = 0;
  int pipe = -1;
  uint64_t next = 0;      ///< The number it is at.
  std::string text;       ///< Read, not yet a line.
  wall::time_point since; ///< When it began with `next`.
  bool hung = false;
};

void write_all(int to, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    auto n = write(to, text.data() + done, text.size() - done);
    if (n <= 0) std::_Exit(3); // Nobody listens any more.
    done += static_cast<size_t>(n);
  }
}

/// Starts a process that works from `x.next` on, every `step`-th number below `end`.
void start(worker& x, const farm& of, uint64_t end, uint64_t step) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  x.pid = fork();
  if (x.pid < 0) throw std::runtime_error("cannot fork");
  if (x.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // It does not outlive whoever waits for it.
    close(ends[0]);
    for (auto n = x.next; n < end; n += step) write_all(ends[1], of.work(n).dump() + "\n");
    std::_Exit(0);
  }
  close(ends[1]);
  x.pipe = ends[0];
  x.text.clear();
  x.since = wall::now();
  x.hung = false;
}

std::string end_of(pid_t x) {
  int status = 0;
  waitpid(x, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : "exit code " + std::to_string(WEXITSTATUS(status));
}

/// Hands on every whole line; false when there was enough.
bool take_lines(worker& x, const farm& of, uint64_t step) {
  for (size_t end = 0; (end = x.text.find('\n')) != std::string::npos;) {
    auto said = json::parse(x.text.substr(0, end));
    x.text.erase(0, end + 1);
    auto n = x.next;
    x.next += step;
    x.since = wall::now();
    if (!of.take(n, said)) return false;
  }
  return true;
}

/// Reads what a process says; false when there was enough.
bool listen(worker& x, const farm& of, uint64_t end, uint64_t step) {
  char buffer[65536];
  auto n = read(x.pipe, buffer, sizeof buffer);
  if (n > 0) {
    x.text.append(buffer, static_cast<size_t>(n));
    return take_lines(x, of, step);
  }
  close(x.pipe);
  x.pipe = -1;
  auto why = end_of(x.pid);
  if (x.next >= end) return true;
  auto at = x.next;
  x.next += step;
  json said{{"died", why.empty() ? "it ended by itself" : why}};
  if (x.hung) said = {{"hung", std::to_string(of.patience.count()) + " s"}};
  if (!of.take(at, said)) return false;
  if (x.next < end) start(x, of, end, step);
  return true;
}

/// Ends those that have taken too long; how many milliseconds the others have, -1 = any.
int end_late(std::vector<worker>& all, std::chrono::seconds patience) {
  if (patience.count() == 0) return -1;
  auto now = wall::now();
  std::chrono::milliseconds left = patience;
  for (auto& x : all) {
    if (x.pipe < 0 || x.hung) continue;
    auto until = x.since + patience;
    if (until <= now) {
      x.hung = true;
      kill(x.pid, SIGKILL); // Its end of the pipe closes.
    } else {
      left = std::min(left, std::chrono::ceil<std::chrono::milliseconds>(until - now));
    }
  }
  return static_cast<int>(left.count());
}

} // namespace

void farm::run() {
  auto end = first + count;
  std::vector<worker> workers(std::min<uint64_t>(jobs, count));
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i].next = first + i;
    start(workers[i], *this, end, workers.size());
  }
  for (bool more = true; more;) {
    std::vector<pollfd> open;
    std::vector<worker*> whose;
    for (auto& x : workers) {
      if (x.pipe < 0) continue;
      open.push_back({x.pipe, POLLIN, 0});
      whose.push_back(&x);
    }
    if (open.empty()) break;
    if (poll(open.data(), open.size(), end_late(workers, patience)) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    for (size_t i = 0; i < open.size() && more; ++i)
      if (open[i].revents != 0) more = listen(*whose[i], *this, end, workers.size());
  }
  for (auto& x : workers) {
    if (x.pipe < 0) continue;
    close(x.pipe);
    kill(x.pid, SIGKILL);
    waitpid(x.pid, nullptr, 0);
  }
}

json apart(const std::function<json()>& work, std::chrono::seconds patience) {
  json out;
  farm one;
  one.patience = patience;
  one.work = [&](uint64_t) { return work(); };
  one.take = [&](uint64_t, const json& x) {
    out = x;
    return false;
  };
  one.run();
  return out;
}

} // namespace tk::sim

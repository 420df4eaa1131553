#include "tests/simulation/farm.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace tk::sim {

namespace {

using nlohmann::json;

struct worker {
  pid_t pid = 0;
  int pipe = -1;
  uint64_t next = 0; ///< The number it is at.
  std::string text;  ///< Read, not yet a line.
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
  if (!of.take(at, json{{"died", why.empty() ? "it ended by itself" : why}})) return false;
  if (x.next < end) start(x, of, end, step);
  return true;
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
    if (open.empty() || poll(open.data(), open.size(), -1) < 0) break;
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

json apart(const std::function<json()>& work) {
  json out;
  farm one;
  one.work = [&](uint64_t) { return work(); };
  one.take = [&](uint64_t, const json& x) {
    out = x;
    return false;
  };
  one.run();
  return out;
}

} // namespace tk::sim

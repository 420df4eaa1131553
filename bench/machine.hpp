#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tk::bench {

/// A child process in a process group of its own; stopped (SIGTERM, later SIGKILL) by the
/// destructor. It also ends when the bench dies.
class child {
public:
  /// Throws std::system_error when it cannot be started. Output goes to the file `log`.
  child(const std::vector<std::string>& command, const std::map<std::string, std::string>& env,
        const std::string& log);
  ~child();
  child(const child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() const;

private:
  pid_t pid_ = -1;
};

/// Runs a command to its end; throws std::runtime_error with its output when it fails.
std::string run(const std::vector<std::string>& command,
                const std::map<std::string, std::string>& env, const std::string& log);

/// A port of the local host that is free at this moment.
uint16_t free_port();
/// Waits until something accepts connections there; false after `seconds`.
bool wait_for_port(uint16_t port, double seconds);

/// Resident bytes of a process.
uint64_t resident_bytes(pid_t pid);
/// Processor seconds of a process, with those of its children when `tree`: the living ones and
/// those it has waited for.
double cpu_seconds(pid_t pid, bool tree);

/// "Intel Xeon ..., 2 cores, load 0.3": what a reader needs to judge the figures by.
std::string describe_machine();

} // namespace tk::bench

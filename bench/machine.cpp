#include "bench/machine.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace tk::bench {

namespace {

std::string read_file(const std::string& path) {
  auto in = std::ifstream(path);
  auto out = std::stringstream();
  out << in.rdbuf();
  return out.str();
}

// In the child: becomes the command, or ends.
[[noreturn]] void become(const std::vector<std::string>& command,
                         const std::map<std::string, std::string>& env, const std::string& log) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // Ours, not the node's, which refuses variables that it does not know.
  unsetenv("TIKETI_TEST_PG");
  unsetenv("TIKETI_TEST_PG_DATA");
  for (auto& [name, value] : env) setenv(name.c_str(), value.c_str(), 1);
  int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  auto argv = std::vector<char*>();
  for (auto& x : command) argv.push_back(const_cast<char*>(x.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

pid_t spawn(const std::vector<std::string>& command, const std::map<std::string, std::string>& env,
            const std::string& log) {
  auto pid = fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) become(command, env, log);
  return pid;
}

sockaddr_in local(uint16_t port) {
  auto to = sockaddr_in{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return to;
}

// The fields of /proc/PID/stat after the name, which may itself contain blanks.
std::vector<std::string> stat_fields(const std::string& pid) {
  auto text = read_file("/proc/" + pid + "/stat");
  auto close = text.rfind(')');
  auto fields = std::vector<std::string>();
  if (close == std::string::npos) return fields;
  auto in = std::istringstream(text.substr(close + 2));
  for (std::string x; in >> x;) fields.push_back(x);
  return fields;
}

double ticks(const std::vector<std::string>& fields, size_t first, size_t count) {
  double sum = 0;
  for (size_t i = first; i < first + count && i < fields.size(); ++i) sum += std::stod(fields[i]);
  return sum / static_cast<double>(sysconf(_SC_CLK_TCK));
}

} // namespace

child::child(const std::vector<std::string>& command, const std::map<std::string, std::string>& env,
             const std::string& log)
    : pid_(spawn(command, env, log)) {
  // nop
}

child::~child() {
  kill(pid_, SIGTERM);
  for (int i = 0; i < 200; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool child::running() const {
  return read_file("/proc/" + std::to_string(pid_) + "/stat").find(") Z ") == std::string::npos &&
         kill(pid_, 0) == 0;
}

std::string run(const std::vector<std::string>& command,
                const std::map<std::string, std::string>& env, const std::string& log) {
  std::filesystem::remove(log);
  auto pid = spawn(command, env, log);
  int status = 0;
  waitpid(pid, &status, 0);
  auto output = read_file(log);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(command.front() + " failed:\n" + output);
  return output;
}

uint16_t free_port() {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = local(0);
  socklen_t size = sizeof at;
  if (bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw std::system_error(errno, std::generic_category(), "find a free port");
  close(fd);
  return ntohs(at.sin_port);
}

bool wait_for_port(uint16_t port, double seconds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto to = local(port);
    bool up = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    close(fd);
    if (up) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

uint64_t resident_bytes(pid_t pid) {
  auto in = std::istringstream(read_file("/proc/" + std::to_string(pid) + "/statm"));
  uint64_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// Fields 14 to 17 of proc(5): utime, stime, cutime, cstime; the list starts with field 3.
double cpu_seconds(pid_t pid, bool tree) {
  auto self = std::to_string(pid);
  auto sum = ticks(stat_fields(self), 11, tree ? 4 : 2);
  if (!tree) return sum;
  for (auto& entry : std::filesystem::directory_iterator("/proc")) {
    auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    auto fields = stat_fields(name);
    if (fields.size() > 15 && fields[1] == self) sum += ticks(fields, 11, 4);
  }
  return sum;
}

std::string describe_machine() {
  auto info = read_file("/proc/cpuinfo");
  auto at = info.find("model name");
  auto model = std::string("unknown processor");
  if (at != std::string::npos) {
    auto from = info.find(": ", at) + 2;
    model = info.substr(from, info.find('\n', from) - from);
  }
  auto load = read_file("/proc/loadavg");
  return model + ", " + std::to_string(std::thread::hardware_concurrency()) + " cores, load " +
         load.substr(0, load.find(' '));
}

} // namespace tk::bench

// What the program's end says to scripts. Documented in docs/commands.md and at the foot of --help.
#pragma once

namespace turnpike::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotRunning = 3,
  kNotFound = 4,
  kTimedOut = 5,
  kDataInvalid = 6,
  kProblems = 7,
};

}  // namespace turnpike::cli

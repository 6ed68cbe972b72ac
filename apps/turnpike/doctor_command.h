// `turnpike doctor`: measures the network this machine stands in, and says what to mend.
#pragma once

#include "command_line.h"
#include "console.h"

namespace turnpike::cli {

/// At most ten seconds. kProblems when a check found something to mend.
[[nodiscard]] int run_doctor(Console& console, const Invocation& invocation, const DoctorOrder& order);

}  // namespace turnpike::cli

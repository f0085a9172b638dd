/** Short, because the command is part of the URL, audit logs and the server's error messages. The rest follows on standard input. */
export const SHELL_COMMAND: readonly string[] = ["sh", "-c", 'IFS= read -r l; eval "$l"'];

/**
 * The same for an agent. The line that it prints at once shows that the exec has reached a container: which one it is, the API server can be
 * asked from then on.
 */
export const AGENT_SHELL_COMMAND: readonly string[] = ["sh", "-c", 'echo; IFS= read -r l; eval "$l"'];

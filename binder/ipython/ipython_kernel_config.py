"""Read by every kernel of the environment it is installed in (dev.py and postBuild copy it to etc/ipython).

ipykernel 7.0 to 7.3 can miss a message that arrives while they send a reply, and stay silent until the next one:
https://github.com/ipython/ipykernel/pull/1529, which is in 7.4. But 7.4.0 leaves sliders dead, so here is that change
for the release that is pinned.
"""

from typing import Any

import ipykernel

if (7, 0) <= ipykernel.version_info[:2] < (7, 4):
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.subshell_manager import SubshellManager

    def send(self: SubshellManager, message: list[Any]) -> None:
        """Reply through the stream that reads the socket: it looks for messages after whatever it sends."""
        IPKernelApp.instance().kernel.shell_stream.send_multipart(message)

    SubshellManager._send_on_shell_channel = send

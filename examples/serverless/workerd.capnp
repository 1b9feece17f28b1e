# Both Workers on this machine: workerd serve workerd.capnp

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      compatibilityDate = "2026-11-01",
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "answer.js", esModule = embed "answer.js"),
        (name = "out/model.js", esModule = embed "out/model.js"),
        (name = "out/model.wasm", wasm = embed "out/model.wasm"),
      ],
    )),
    (name = "conversation", worker = (
      compatibilityDate = "2026-11-01",
      modules = [
        (name = "conversation.js", esModule = embed "conversation.js"),
        (name = "answer.js", esModule = embed "answer.js"),
        (name = "out/model.js", esModule = embed "out/model.js"),
        (name = "out/model.wasm", wasm = embed "out/model.wasm"),
      ],
      durableObjectNamespaces = [(className = "Conversation", uniqueKey = "sluice-conversations")],
      durableObjectStorage = (localDisk = "storage"),
      bindings = [(name = "CONVERSATIONS", durableObjectNamespace = "Conversation")],
    )),
    (name = "storage", disk = (path = "out/storage", writable = true)),
  ],
  sockets = [
    (name = "worker", address = "127.0.0.1:8080", http = (), service = "worker"),
    (name = "conversation", address = "127.0.0.1:8081", http = (), service = "conversation"),
  ],
);

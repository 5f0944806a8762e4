// Starts `bileveldsl lsp` and connects it with the editor. All that is known of the language is in the server.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate(context) {
  context.subscriptions.push(vscode.commands.registerCommand("bilevel.restart", restart));
  await start();
}

async function start() {
  const [command, ...args] = vscode.workspace.getConfiguration("bilevel").get("command");
  client = new LanguageClient(
    "bilevel",
    "Bilevel",
    { command, args },
    { documentSelector: [{ language: "bilevel" }] },
  );
  try {
    await client.start();
  } catch (problem) {
    vscode.window.showWarningMessage(
      `Bilevel: \`${[command, ...args].join(" ")}\` could not be started (${problem.message}). ` +
        "Colours and snippets work without it. Install it in the folder of bilevel_dsl with `pip install '.[lsp]'`, " +
        "or set `bilevel.command`.",
    );
  }
}

async function restart() {
  await deactivate();
  await start();
}

async function deactivate() {
  const running = client;
  client = undefined;
  if (running && running.isRunning()) {
    await running.stop();
  }
}

module.exports = { activate, deactivate };

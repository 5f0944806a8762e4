"""The language server: what `analysis`, `hover` and `completion` know, over the protocol.

Texts are sent whole. Syntax and names are found in the moment a request comes; diagnostics, which may
read data files, in a thread, a little after the last key, and only for the newest version.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path
from pygls.workspace import TextDocument

from .. import __version__
from ..diagnostics import BilevelError, Diagnostic, Label, Source, Span
from ..syntax.format import format_source
from .analysis import CannotRename, Document, Entry
from .calls import call_at
from .completion import Item, complete
from .hover import hover, hover_keyword
from .positions import Positions

SOURCE = "bileveldsl"  # of diagnostics, shown beside their code
DELAY = 0.2  # seconds after a key before diagnostics are computed

_SEVERITY = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "information": lsp.DiagnosticSeverity.Information,
    "hint": lsp.DiagnosticSeverity.Hint,
}
_UNUSED = "BL0711"  # shown faded
_SYMBOLS = {
    "param": lsp.SymbolKind.Constant,
    "set": lsp.SymbolKind.Enum,
    "function": lsp.SymbolKind.Function,
    "let": lsp.SymbolKind.Property,
    "var": lsp.SymbolKind.Variable,
    "upper": lsp.SymbolKind.Class,
    "lower": lsp.SymbolKind.Class,
    "objective": lsp.SymbolKind.Operator,
    "label": lsp.SymbolKind.Event,
    "result": lsp.SymbolKind.Field,
    "problem": lsp.SymbolKind.Module,
    "block": lsp.SymbolKind.Namespace,
}
_ITEMS = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "function": lsp.CompletionItemKind.Function,
    "set": lsp.CompletionItemKind.Enum,
    "label": lsp.CompletionItemKind.EnumMember,
    "option": lsp.CompletionItemKind.Property,
    "loop": lsp.CompletionItemKind.Variable,
    "param": lsp.CompletionItemKind.Constant,
    "var": lsp.CompletionItemKind.Variable,
    "let": lsp.CompletionItemKind.Value,
}


class Server(LanguageServer):
    """Keeps the newest version of each open text, read once."""

    def __init__(self):
        super().__init__("bileveldsl", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full)
        self._open: dict[str, tuple[int | None, View]] = {}
        self._waiting: dict[str, asyncio.Task] = {}
        self._one_at_a_time = asyncio.Lock()

    def view(self, uri: str) -> View:
        text = self.workspace.get_text_document(uri)
        known = self._open.get(uri)
        if known is None or known[0] != text.version or known[1].document.source.text != text.source:
            known = self._open[uri] = text.version, View(uri, text.source, self._encoding(text))
        return known[1]

    @staticmethod
    def _encoding(text: TextDocument) -> str:
        agreed = text.position_codec.encoding
        return str(getattr(agreed, "value", agreed))

    def check_soon(self, uri: str, delay: float) -> None:
        """Diagnose `uri` after `delay` seconds, unless it changes before."""
        if uri in self._waiting:
            self._waiting[uri].cancel()
        self._waiting[uri] = asyncio.get_running_loop().create_task(self._check(uri, delay))

    async def _check(self, uri: str, delay: float) -> None:
        await asyncio.sleep(delay)
        async with self._one_at_a_time:
            version, view = self.workspace.get_text_document(uri).version, self.view(uri)
            try:
                found = await asyncio.to_thread(view.document.diagnostics)
            except Exception as bug:
                self.window_log_message(lsp.LogMessageParams(lsp.MessageType.Error, f"internal error: {bug!r}"))
                return
        if self._open.get(uri, (None, None))[1] is view:
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, [view.diagnostic(d) for d in found], version)
            )

    def forget(self, uri: str) -> None:
        self._open.pop(uri, None)
        if uri in self._waiting:
            self._waiting.pop(uri).cancel()
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))


class View:
    """A document in the units of the protocol."""

    def __init__(self, uri: str, text: str, encoding: str):
        path = to_fs_path(uri) if uri.startswith("file:") else None
        self.uri = uri
        self.document = Document(Path(path).name if path else "model", text, Path(path).parent if path else Path("."))
        self.positions = Positions(text, encoding)

    def offset(self, position: lsp.Position) -> int:
        return self.positions.offset(position.line, position.character)

    def range(self, span: Span) -> lsp.Range:
        if span.source is not self.document.source:  # of a value from outside
            return lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
        return lsp.Range(*(lsp.Position(*self.positions.line_column(k)) for k in (span.start, span.end)))

    def whole(self) -> lsp.Range:
        return self.range(Span(self.document.source, 0, len(self.document.source.text)))

    def location(self, span: Span) -> lsp.Location:
        return lsp.Location(self.uri, self.range(span))

    def diagnostic(self, d: Diagnostic) -> lsp.Diagnostic:
        primary = d.primary or Label(Span(self.document.source, 0, 0))
        lines = [d.message, *([primary.text] if primary.text else []), *(f"hint: {h}" for h in d.hints)]
        here = [s for s in d.secondary if s.span.source is self.document.source]
        related = [lsp.DiagnosticRelatedInformation(self.location(s.span), s.text or "here") for s in here]
        lines += [f"{s.span}: {s.text or 'here'}" for s in d.secondary if s.span.source is not self.document.source]
        fix = d.fix and {"range": _plain(self.range(d.fix.span)), "text": d.fix.text}
        return lsp.Diagnostic(
            self.range(primary.span),
            "\n".join(lines),
            _SEVERITY[d.severity],
            d.code,
            source=SOURCE,
            related_information=related or None,
            data=fix,
            tags=[lsp.DiagnosticTag.Unnecessary] if d.code == _UNUSED else None,
        )

    def entry(self, e: Entry) -> lsp.DocumentSymbol:
        return lsp.DocumentSymbol(
            e.name,
            _SYMBOLS[e.kind],
            self.range(e.span),
            self.range(e.name_span),
            detail=e.detail,
            children=[self.entry(b) for b in e.below],
        )


def _plain(r: lsp.Range) -> dict:
    return {end: {"line": p.line, "character": p.character} for end, p in (("start", r.start), ("end", r.end))}


def make_server() -> Server:
    server = Server()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        server.check_soon(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        server.check_soon(params.text_document.uri, DELAY)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        """Data files may have changed, too."""
        server._open.pop(params.text_document.uri, None)
        server.check_soon(params.text_document.uri, 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    _names(server)
    _edits(server)
    return server


# --- questions ----------------------------------------------------------------------------------------


def _names(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def on_hover(params: lsp.HoverParams) -> lsp.Hover | None:
        view = server.view(params.text_document.uri)
        offset = view.offset(params.position)
        here = view.document.at(offset)
        if here is not None:
            return _hover(await asyncio.to_thread(hover, view.document, here), view.range(here.span))
        token = next((t for t in view.document.tokens if t.start <= offset < t.end), None)
        text = token and hover_keyword(token)
        return _hover(text, view.range(Span(view.document.source, token.start, token.end))) if text else None

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        view = server.view(params.text_document.uri)
        span = view.document.definition(view.offset(params.position))
        return view.location(span) if span else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def on_references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        view = server.view(params.text_document.uri)
        here = view.document.at(view.offset(params.position))
        found = view.document.all_of(here.target) if here and here.target else []
        return [view.location(o.span) for o in found if params.context.include_declaration or not o.declares]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def on_highlight(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        view = server.view(params.text_document.uri)
        here = view.document.at(view.offset(params.position))
        found = view.document.all_of(here.target) if here and here.target else []
        kinds = lsp.DocumentHighlightKind
        return [lsp.DocumentHighlight(view.range(o.span), kinds.Write if o.declares else kinds.Read) for o in found]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_outline(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        view = server.view(params.text_document.uri)
        return [view.entry(e) for e in view.document.outline()]

    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=['"']))
    async def on_completion(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        view = server.view(params.text_document.uri)
        found = await asyncio.to_thread(complete, view.document, view.offset(params.position))
        return [_item(i) for i in found]

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(["(", ","]))
    def on_signature(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        view = server.view(params.text_document.uri)
        call = call_at(view.document, view.offset(params.position))
        if call is None:
            return None
        arguments = [lsp.ParameterInformation(a) for a in call.arguments]
        return lsp.SignatureHelp([lsp.SignatureInformation(call.text, call.doc or None, arguments)], 0, call.active)


def _hover(text: str, place: lsp.Range) -> lsp.Hover:
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), place)


def _item(i: Item) -> lsp.CompletionItem:
    own = i.kind not in ("keyword", "function") or "(" not in i.detail  # names of the model come first
    return lsp.CompletionItem(
        i.label,
        kind=_ITEMS[i.kind],
        detail=i.detail or None,
        documentation=i.doc or None,
        sort_text=f"{0 if own else 1}{i.label}",
    )


# --- edits ----------------------------------------------------------------------------------------------


def _edits(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def on_prepare(params: lsp.PrepareRenameParams) -> lsp.Range:
        view = server.view(params.text_document.uri)
        try:
            return view.range(view.document.renamable(view.offset(params.position)).span)
        except CannotRename as reason:
            raise JsonRpcInvalidParams(str(reason)) from None

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def on_rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit:
        view = server.view(params.text_document.uri)
        try:
            spans = view.document.rename(view.offset(params.position), params.new_name)
        except CannotRename as reason:
            raise JsonRpcInvalidParams(str(reason)) from None
        return lsp.WorkspaceEdit({view.uri: [lsp.TextEdit(view.range(s), params.new_name) for s in spans]})

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def on_formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        """Nothing while there are syntax errors, which are shown anyway."""
        view = server.view(params.text_document.uri)
        text = view.document.source.text
        try:
            new = format_source(Source(view.document.source.name, text.replace("\r\n", "\n").replace("\r", "\n")))
        except BilevelError:
            return []
        return [] if new == text else [lsp.TextEdit(view.whole(), new)]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix]))
    def on_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        mine = [d for d in params.context.diagnostics if d.source == SOURCE and d.data]
        return [_action(params.text_document.uri, d) for d in mine]


def _action(uri: str, d: lsp.Diagnostic) -> lsp.CodeAction:
    """The edit that a diagnostic carries."""
    place = lsp.Range(
        *(lsp.Position(d.data["range"][end]["line"], d.data["range"][end]["character"]) for end in ("start", "end"))
    )
    text = d.data["text"]
    what = f"write `{text.strip()}`" if text else "leave it out"
    return lsp.CodeAction(
        f"{what[0].upper()}{what[1:]}",
        lsp.CodeActionKind.QuickFix,
        [d],
        is_preferred=True,
        edit=lsp.WorkspaceEdit({uri: [lsp.TextEdit(place, text)]}),
    )


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """A rename that is refused is an answer, and nothing to write to standard error."""
    return not (record.exc_info and isinstance(record.exc_info[1], JsonRpcInvalidParams))


def main() -> int:
    """Serve on standard input and output until the client says `exit`."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_no_refusal)
    sys.setrecursionlimit(20_000)  # once for all threads: each walk of a deep tree would set and reset it
    make_server().start_io()
    return 0

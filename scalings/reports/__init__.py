"""Reports: answers as text, JSON, Markdown and LaTeX, one module for each kind of answer."""

"""The page of a deck: HTML with its own styles and script, for a projector, a printer, and no scripts."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes:
        key: of the cell that it comes from.
        title: its heading.
        lead: what is said or asked first.
        points: a list.
        show: HTML that appears one step later: a picture, a table, or printed lines.
        said: what the program said, above it.
        finding: a sentence beside it.
        notes: for the speaker alone, one paragraph each.
        steps: whether ``show`` waits for a step.
    """

    key: str
    title: str
    lead: str = ""
    points: Sequence[str] = ()
    show: str = ""
    said: str = ""
    finding: str = ""
    notes: Sequence[str] = field(default_factory=list)
    steps: bool = True


def deck_page(title: str, slides: Sequence[Slide]) -> str:
    """Return the whole page.

    Without scripts all slides and notes stand one below the other; printed, each slide is a page.
    """
    sections = "".join(_section(number, slide, len(slides)) for number, slide in enumerate(slides, start=1))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main>{sections}</main>"
        '<p id="keys">Arrow keys or space: next and back. S: speaker window. N: notes. Home, End. '
        "H: hide this line.</p>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def inline(text: str) -> str:
    """Return a line of Markdown as HTML: bold, emphasis and code; links keep their words alone."""
    text = re.sub(r"!?\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return "".join(_piece(part) for part in re.split(r"(`[^`]+`)", text))


def _piece(part: str) -> str:
    coded = part.startswith("`") and len(part) > 2
    return f"<code>{html.escape(part[1:-1])}</code>" if coded else _emphasis(part)


def _emphasis(text: str) -> str:
    text = html.escape(text)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<!\w)\*([^*\s][^*]*)\*", r"<em>\1</em>", text)


def _section(number: int, slide: Slide, of: int) -> str:
    level = 1 if number == 1 else 2
    heading = f"<h{level}>{inline(slide.title)}</h{level}>"
    lead = f'<p class="lead">{inline(slide.lead)}</p>' if slide.lead else ""
    points = "".join(f"<li>{inline(point)}</li>" for point in slide.points)
    listed = f"<ul>{points}</ul>" if points else ""
    step = ' data-step="1"' if slide.steps else ""
    finding = f'<p class="finding"{step}>{inline(slide.finding)}</p>' if slide.finding else ""
    said = f'<p class="said">{html.escape(slide.said)}</p>' if slide.said else ""
    show = f'<div class="show"{step}>{said}{slide.show}</div>' if slide.show else ""
    notes = "".join(f"<p>{inline(note)}</p>" for note in slide.notes)
    words = f'<div class="words">{listed}{finding}</div>' if listed or finding else ""
    return (
        f'<section id="slide-{number}" class="{_kind(slide, number)}" aria-label="Slide {number} of {of}">'
        f'<div class="slide">{heading}{lead}<div class="body">{words}{show}</div>'
        f'<p class="number">{number} / {of}</p></div>'
        f'<aside class="notes"><h3>Notes</h3>{notes}</aside></section>'
    )


def _kind(slide: Slide, number: int) -> str:
    return "first" if number == 1 else "shown" if slide.show else "listed"


STYLE = """
*{box-sizing:border-box}
body{margin:0;font:18px/1.45 system-ui,"Segoe UI",Roboto,sans-serif;color:#16202a;background:#fff}
.slide{position:relative;width:100%;min-height:100vh;padding:5vh 5vw 7vh;display:flex;flex-direction:column}
h1,h2{margin:0 0 .5em;line-height:1.15;color:#0b3d66}
.first .slide{justify-content:center}
.body{flex:1;display:flex;gap:3vw;align-items:center;min-height:0}
.first .body{display:none}
.words{flex:1}
.shown .words{flex:0 0 31%;font-size:.9em}
.show{flex:1;min-width:0;min-height:0;display:flex;flex-direction:column;justify-content:center}
.show img{max-width:100%;max-height:16em;object-fit:contain}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#eef3f7;border-left:.3em solid #0b5cad;
padding:.8em;margin:0;font-size:.8em}
table{border-collapse:collapse;font-size:.78em;line-height:1.3}
caption{text-align:left;font-weight:600;padding-bottom:.4em}
th,td{text-align:left;vertical-align:top;padding:.3em .7em .3em 0;border-bottom:1px solid #b9c4ce}
.more{font-size:.65em;color:#44525e;margin:.5em 0 0}
.lead{font-weight:600;margin:0 0 .6em}
.said{margin:0 0 .7em;font-size:.8em}
.said+img{max-height:13.5em}
.finding{border-left:.25em solid #0b5cad;padding-left:.7em}
li{margin:.35em 0}
code{background:#eef3f7;padding:0 .2em;font-size:.9em}
.number{position:absolute;right:2vw;bottom:1vh;margin:0;font-size:.6em;color:#44525e}
.notes{max-width:60em;margin:0 auto;padding:1em 5vw;background:#fff8e5;border-top:2px solid #8a6100}
.notes h3{margin:0}
#keys{position:fixed;left:2vw;bottom:0;margin:0;font-size:12px;color:#44525e;background:#fff}
.js .slide{height:100vh;font-size:min(2.05vw,3.6vh);overflow:hidden}
.js section{display:none}.js section.now{display:block}
.js .notes{display:none}
.js.with-notes .slide{height:62vh;min-height:0;font-size:min(1.3vw,2.3vh)}
.js.with-notes section.now .notes{display:block;height:38vh;overflow:auto}
.js [data-step].wait{visibility:hidden}
@media print{#keys,.notes{display:none}.js section,section{display:block;break-after:page}
.js .slide{height:96vh;min-height:0}.js [data-step].wait{visibility:visible}}
"""

SCRIPT = """
(function(){
var all=document.querySelectorAll('section'),at=0,step=0,other=null,root=document.documentElement;
root.classList.add('js');
// Text and pictures shrink until a slide holds them: its page is as large as the screen.
function over(body){
 for(var i=0;i<body.children.length;i++){
  var part=body.children[i];
  if(part.offsetHeight>body.clientHeight||part.scrollWidth>part.clientWidth+1){return true;}}
 return false;}
function fit(){
 for(var i=0;i<all.length;i++){
  var body=all[i].querySelector('.body'),size=1;
  all[i].classList.add('now');body.style.fontSize='';
  while(size>.5&&over(body)){size-=.04;body.style.fontSize=size+'em';}
  all[i].classList.toggle('now',i===at);}}
function waits(){return all[at].querySelectorAll('[data-step]').length>0;}
function draw(tell){
 for(var i=0;i<all.length;i++){all[i].classList.toggle('now',i===at);}
 var parts=all[at].querySelectorAll('[data-step]'),notes=root.classList.contains('with-notes');
 for(var j=0;j<parts.length;j++){parts[j].classList.toggle('wait',step===0&&!notes);}
 history.replaceState(null,'','#'+(at+1));
 if(tell&&other&&!other.closed){other.postMessage({at:at,step:step},'*');}
}
function go(to,last){at=Math.max(0,Math.min(all.length-1,to));step=last&&waits()?1:0;draw(true);}
function next(){if(step===0&&waits()){step=1;draw(true);}else if(at<all.length-1){go(at+1,false);}}
function back(){if(step===1){step=0;draw(true);}else if(at>0){go(at-1,true);}}
document.addEventListener('keydown',function(e){
 if(e.ctrlKey||e.altKey||e.metaKey){return;}
 var k=e.key;
 if(k==='ArrowRight'||k===' '||k==='PageDown'||k==='Enter'){next();e.preventDefault();}
 else if(k==='ArrowLeft'||k==='PageUp'||k==='Backspace'){back();e.preventDefault();}
 else if(k==='Home'){go(0,false);}
 else if(k==='End'){go(all.length-1,true);}
 else if(k==='n'||k==='N'){root.classList.toggle('with-notes');draw(false);}
 else if(k==='h'||k==='H'){document.getElementById('keys').hidden=true;}
 else if(k==='s'||k==='S'){other=window.open(location.href.split('#')[0]+'#'+(at+1),'speaker');}
});
document.addEventListener('click',function(e){
 if(e.target.closest('a,button,.notes')){return;}
 if(e.clientX<window.innerWidth/4){back();}else{next();}
});
window.addEventListener('message',function(e){
 if(!e.source||e.source!==other){return;}
 if(e.data&&e.data.hello){other.postMessage({at:at,step:step,speaker:true},'*');return;}
 if(e.data&&e.data.speaker){root.classList.add('with-notes');}
 if(e.data&&typeof e.data.at==='number'){
  at=Math.max(0,Math.min(all.length-1,e.data.at|0));step=e.data.step?1:0;draw(false);}
});
var from=parseInt(location.hash.slice(1),10);
if(from>=1&&from<=all.length){at=from-1;}
draw(false);
window.addEventListener('load',fit);window.addEventListener('resize',fit);
if(window.opener){other=window.opener;other.postMessage({hello:true},'*');}
})();
"""
